import COneDNN
import Matrices

/// How the large products round their factors; sums and results are float32 in either case.
package enum ProductPrecision: String, Sendable, CaseIterable {
  case float32, bfloat16

  /// - Throws: `UnsupportedPrecision` where oneDNN has no such products for this processor.
  package func requireSupport() throws {
    guard self == .bfloat16 && !multipliesBFloat16() else { return }
    throw UnsupportedPrecision()
  }
}

/// bfloat16 on a processor without AVX-512.
package struct UnsupportedPrecision: ReportableError {
  package var exitStatus: ExitStatus { .usage }
  package var description: String {
    "--precision bfloat16 needs a processor with AVX-512 (AVX512_BF16 to be faster than float32), which this one is "
      + "not; use --precision float32."
  }
}

/// Whether oneDNN makes products of bfloat16 for this processor: it is asked for one that nobody runs.
private func multipliesBFloat16() -> Bool {
  var engine: dnnl_engine_t?
  guard dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success else { return false }
  defer { dnnl_engine_destroy(engine) }
  let (sizes, strides): ([Int64], [Int64]) = ([32, 32], [32, 1])
  var (factor, result, product) = (dnnl_memory_desc_t(), dnnl_memory_desc_t(), dnnl_matmul_desc_t())
  guard dnnl_memory_desc_init_by_strides(&factor, 2, sizes, dnnl_bf16, strides) == dnnl_success,
    dnnl_memory_desc_init_by_strides(&result, 2, sizes, dnnl_f32, strides) == dnnl_success,
    dnnl_matmul_desc_init(&product, &factor, &factor, nil, &result) == dnnl_success
  else { return false }
  var description: dnnl_primitive_desc_t?
  guard dnnl_primitive_desc_create(&description, &product, nil, engine, nil) == dnnl_success else { return false }
  dnnl_primitive_desc_destroy(description)
  return true
}
