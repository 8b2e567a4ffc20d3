import COneDNN

/// The library that multiplies, for messages and for comparing hosts.
package enum ProductLibrary {
  /// E.g. "oneDNN 2.7.4".
  package static var version: String {
    guard let version = dnnl_version()?.pointee else { return "oneDNN" }
    return "oneDNN \(version.major).\(version.minor).\(version.patch)"
  }

  /// The vector instructions that its products use on this processor, after DNNL_MAX_CPU_ISA.
  package static var instructionSet: String {
    let names: [(dnnl_cpu_isa_t, String)] = [
      (dnnl_cpu_isa_avx512_core_amx, "AVX-512 with AMX"), (dnnl_cpu_isa_avx512_core_bf16, "AVX-512 with bfloat16"),
      (dnnl_cpu_isa_avx512_core_vnni, "AVX-512 with VNNI"), (dnnl_cpu_isa_avx512_core, "AVX-512"),
      (dnnl_cpu_isa_avx2, "AVX2"), (dnnl_cpu_isa_avx, "AVX"), (dnnl_cpu_isa_sse41, "SSE4.1"),
    ]
    let own = dnnl_get_effective_cpu_isa().rawValue
    return names.first { own & $0.0.rawValue == $0.0.rawValue }?.1 ?? "plain"
  }
}
