// oneDNN's products of bfloat16, made once for each shape.
import COneDNN
import Matrices

/// Everything oneDNN fixes when it makes a primitive, and the thread that will run it.
struct MatmulKey: Hashable {
  let rows, inner, columns: Int
  let leftStride: Int
  let leftIsTransposed: Bool
  let rightStride: Int
  let rightIsTransposed: Bool
  let resultStride: Int
  let accumulates: Bool
  let part: Int
}

/// Primitives by shape: making one takes far longer than finding it.
final class MatmulPrimitives {
  private var primitives: [MatmulKey: MatmulPrimitive] = [:]
  private let engine: dnnl_engine_t?

  /// A run has some dozen shapes; whoever walks through many more starts anew at some point.
  private static let mostPrimitives = 1024

  init() {
    var engine: dnnl_engine_t?
    checkStatus(dnnl_engine_create(&engine, dnnl_cpu, 0), "dnnl_engine_create")
    self.engine = engine
  }

  deinit {
    primitives = [:]
    dnnl_engine_destroy(engine)
  }

  func primitive(_ key: MatmulKey) -> MatmulPrimitive {
    if let known = primitives[key] { return known }
    if primitives.count >= Self.mostPrimitives { primitives = [:] }
    let new = MatmulPrimitive(key, engine: engine)
    primitives[key] = new
    return new
  }
}

/// One oneDNN matmul with its own stream and scratch memory, for one thread at a time.
final class MatmulPrimitive {
  private var primitive: dnnl_primitive_t?
  private var stream: dnnl_stream_t?
  private var memories: [dnnl_memory_t?] = []
  private let scratch: FloatStorage

  fileprivate init(_ key: MatmulKey, engine: dnnl_engine_t?) {
    func description(_ rows: Int, _ columns: Int, _ type: dnnl_data_type_t, _ strides: (Int, Int))
      -> dnnl_memory_desc_t
    {
      var result = dnnl_memory_desc_t()
      let (sizes, steps) = ([Int64(rows), Int64(columns)], [Int64(strides.0), Int64(strides.1)])
      checkStatus(dnnl_memory_desc_init_by_strides(&result, 2, sizes, type, steps), "dnnl_memory_desc_init_by_strides")
      return result
    }
    func strides(_ stride: Int, _ isTransposed: Bool) -> (Int, Int) { isTransposed ? (1, stride) : (stride, 1) }
    var descriptions = [
      description(key.rows, key.inner, dnnl_bf16, strides(key.leftStride, key.leftIsTransposed)),
      description(key.inner, key.columns, dnnl_bf16, strides(key.rightStride, key.rightIsTransposed)),
      description(key.rows, key.columns, dnnl_f32, (key.resultStride, 1)),
    ]
    var attributes: dnnl_primitive_attr_t?
    checkStatus(dnnl_primitive_attr_create(&attributes), "dnnl_primitive_attr_create")
    defer { dnnl_primitive_attr_destroy(attributes) }
    checkStatus(
      dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user),
      "dnnl_primitive_attr_set_scratchpad_mode")
    if key.accumulates {
      var operations: dnnl_post_ops_t?
      checkStatus(dnnl_post_ops_create(&operations), "dnnl_post_ops_create")
      defer { dnnl_post_ops_destroy(operations) }
      checkStatus(dnnl_post_ops_append_sum(operations, 1), "dnnl_post_ops_append_sum")
      checkStatus(dnnl_primitive_attr_set_post_ops(attributes, operations), "dnnl_primitive_attr_set_post_ops")
    }
    var product = dnnl_matmul_desc_t()
    checkStatus(
      dnnl_matmul_desc_init(&product, &descriptions[0], &descriptions[1], nil, &descriptions[2]),
      "dnnl_matmul_desc_init")
    let made = Self.implementation(&product, attributes, engine)
    defer { dnnl_primitive_desc_destroy(made) }
    checkStatus(dnnl_primitive_create(&primitive, made), "dnnl_primitive_create")
    checkStatus(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags.rawValue), "dnnl_stream_create")

    guard let scratchDescription = dnnl_primitive_desc_query_md(made, dnnl_query_scratchpad_md, 0) else {
      preconditionFailure("oneDNN names no scratch memory")
    }
    scratch = FloatStorage(count: dnnl_memory_desc_get_size(scratchDescription) / 4 + 16)
    memories = descriptions.map { Self.memory($0, engine, nil) }
    memories.append(Self.memory(scratchDescription.pointee, engine, scratch.base))
  }

  deinit {
    memories.forEach { dnnl_memory_destroy($0) }
    dnnl_primitive_destroy(primitive)
    dnnl_stream_destroy(stream)
  }

  /// The implementation called "gemm:…", or the first one where there is none of that name.
  private static func implementation(
    _ product: inout dnnl_matmul_desc_t, _ attributes: dnnl_primitive_attr_t?, _ engine: dnnl_engine_t?
  ) -> dnnl_primitive_desc_t? {
    var iterator: dnnl_primitive_desc_iterator_t?
    checkStatus(
      dnnl_primitive_desc_iterator_create(&iterator, &product, attributes, engine, nil),
      "dnnl_primitive_desc_iterator_create")
    defer { dnnl_primitive_desc_iterator_destroy(iterator) }
    let first = dnnl_primitive_desc_iterator_fetch(iterator)
    var candidate = first
    while true {
      var name: UnsafePointer<CChar>?
      checkStatus(dnnl_primitive_desc_query(candidate, dnnl_query_impl_info_str, 0, &name), "dnnl_primitive_desc_query")
      if let name, String(cString: name).hasPrefix("gemm") {
        if candidate != first { dnnl_primitive_desc_destroy(first) }
        return candidate
      }
      if candidate != first { dnnl_primitive_desc_destroy(candidate) }
      guard dnnl_primitive_desc_iterator_next(iterator) == dnnl_success else { return first }
      candidate = dnnl_primitive_desc_iterator_fetch(iterator)
    }
  }

  private static func memory(
    _ description: dnnl_memory_desc_t, _ engine: dnnl_engine_t?, _ address: UnsafeMutableRawPointer?
  ) -> dnnl_memory_t? {
    var (result, description): (dnnl_memory_t?, dnnl_memory_desc_t) = (nil, description)
    checkStatus(dnnl_memory_create(&result, &description, engine, address), "dnnl_memory_create")
    return result
  }

  func run(
    _ left: UnsafeMutablePointer<UInt16>, _ right: UnsafeMutablePointer<UInt16>,
    _ result: UnsafeMutablePointer<Float>
  ) {
    checkStatus(dnnl_memory_set_data_handle(memories[0], left), "dnnl_memory_set_data_handle")
    checkStatus(dnnl_memory_set_data_handle(memories[1], right), "dnnl_memory_set_data_handle")
    checkStatus(dnnl_memory_set_data_handle(memories[2], result), "dnnl_memory_set_data_handle")
    let arguments = [
      dnnl_exec_arg_t(arg: DNNL_ARG_SRC, memory: memories[0]),
      dnnl_exec_arg_t(arg: DNNL_ARG_WEIGHTS, memory: memories[1]),
      dnnl_exec_arg_t(arg: DNNL_ARG_DST, memory: memories[2]),
      dnnl_exec_arg_t(arg: DNNL_ARG_SCRATCHPAD, memory: memories[3]),
    ]
    checkStatus(dnnl_primitive_execute(primitive, stream, 4, arguments), "dnnl_primitive_execute")
    checkStatus(dnnl_stream_wait(stream), "dnnl_stream_wait")
  }
}

private func checkStatus(_ status: dnnl_status_t, _ call: StaticString) {
  precondition(status == dnnl_success, "\(call) returned \(status.rawValue)")
}
