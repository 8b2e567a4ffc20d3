// Products with bfloat16 factors and a float32 result: twice the multiplications a second where the processor has
// AVX512_BF16. Factors are rounded for the product (`RoundedCopies.swift`): parameters, optimizer and activations stay float32.
// Product M×K times K×N.
import COneDNN
import Matrices
import Synchronization

/// How the large products round their factors; sums and results are float32 in either case.
package enum ProductPrecision: String, Sendable, CaseIterable {
  case float32, bfloat16

  /// - Throws: `UnsupportedPrecision` where oneDNN has no such products for this processor.
  package func requireSupport() throws {
    guard self == .bfloat16 && !MatmulCache.shared.isSupported else { return }
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

/// result = a · b (+ result if `accumulate`) from factors rounded to bfloat16.
///
/// oneDNN's `gemm` implementation is asked for by name: unlike its other one, it gives an element the same bits whatever rows and
/// columns are computed with it, from 32 rows on. Its order of sums is its own, and other processors may have another.
func multiplyRounded(into result: Matrix, _ a: some ProductOperand, _ b: some ProductOperand, accumulate: Bool) {
  guard a.isTransposed || result.rowCount >= fewestRoundedRows else {
    return multiplyFewRounded(into: result, a.matrix, b, accumulate: accumulate)
  }
  let rounded = RoundedFactors(a.matrix, b.matrix)
  let (left, right) = (rounded.left, rounded.right)
  // Each thread multiplies a slice by itself: oneDNN's own division among threads may cut the sum, and then the bits depend on the
  // thread count. The longer side is cut, since a thread packs all of the other factor.
  let (m, n) = (result.rowCount, result.columnCount)
  let threads = min(ThreadPool.threadCount, 1 + m * n * a.columns / 65536)
  let blocks = RowPartition(rowCount: max(1, max(m, n) / 32), rankCount: threads)
  let slices = blocks.slices.filter { !$0.isEmpty }.map {
    let part = 32 * $0.lowerBound..<($0.upperBound == blocks.rowCount ? max(m, n) : 32 * $0.upperBound)
    return n > m ? (rows: 0..<m, columns: part) : (rows: part, columns: 0..<n)
  }
  let primitives = slices.enumerated().map { part, slice in
    MatmulCache.shared.primitive(
      MatmulKey(
        rows: slice.rows.count, inner: a.columns, columns: slice.columns.count, leftStride: left.stride,
        leftIsTransposed: a.isTransposed, rightStride: right.stride, rightIsTransposed: b.isTransposed,
        resultStride: result.rowStride, accumulates: accumulate, part: part))
  }
  fork(slices.count) { part in
    for index in part {
      let (rows, columns) = (slices[index].rows, slices[index].columns)
      primitives[index].run(
        left.start + rows.lowerBound * (a.isTransposed ? 1 : left.stride),
        right.start + columns.lowerBound * (b.isTransposed ? right.stride : 1),
        result.row(rows.lowerBound) + columns.lowerBound)
      if index == 0 { ProductBreaks.take() }
    }
  }
}

/// As `multiplyRounded` of a sum over the rows of a batch, aᵀ [M×N rows] · b: a product for each leaf, added up as the tree says, some
/// rows of the result at a time so that they stay in the second cache.
func multiplyRoundedLeaves(into result: Matrix, _ a: TransposedMatrix, _ b: Matrix, order: SumOrder) {
  let leaves = LeafList(order, rowCount: b.rowCount)
  keepRounded(a.matrix)
  keepRounded(b)
  let blockRows = max(32, min(result.rowCount, (1 << 19) / max(result.columnCount, 1) / 32 * 32))
  leafScratch.withLock { scratch in
    let floats = blockRows * result.columnCount
    if scratch.count < leaves.depth * floats { scratch = FloatStorage(count: leaves.depth * floats) }
    for first in stride(from: 0, to: result.rowCount, by: blockRows) {
      let units = first..<min(first + blockRows, result.rowCount)
      let places = (0..<leaves.depth).map {
        $0 == 0
          ? result.rows(units)
          : Matrix(
            storage: scratch, offset: $0 * floats, rowCount: units.count, columnCount: result.columnCount,
            rowStride: result.columnCount)
      }
      leaves.forEach { leaf in
        multiplyRounded(
          into: places[leaf.slot], a.matrix.rows(leaf.rows).columns(units).transposed, b.rows(leaf.rows),
          accumulate: false)
        for below in 0..<leaf.merges { add(places[leaf.slot - below - 1], places[leaf.slot - below]) }
      }
    }
  }
}

/// Room for sums of leaves; grows to the largest and stays.
private let leafScratch = Mutex(FloatStorage(count: 0))

/// Fewer rows are multiplied as so many, the others being zero.
private let fewestRoundedRows = 32

private func multiplyFewRounded(into result: Matrix, _ a: Matrix, _ b: some ProductOperand, accumulate: Bool) {
  let count = result.rowCount
  fewRowsScratch.withLock { scratch in
    func room(_ index: Int, columns: Int) -> Matrix {
      let floats = fewestRoundedRows * columns
      if scratch[index].count < floats { scratch[index] = FloatStorage(count: floats) }
      let room = Matrix(
        storage: scratch[index], offset: 0, rowCount: fewestRoundedRows, columnCount: columns, rowStride: columns)
      room.fill(0)
      return room
    }
    let (product, left) = (room(0, columns: result.columnCount), room(1, columns: a.columnCount))
    if accumulate { product.rows(0..<count).copy(from: result) }
    left.rows(0..<count).copy(from: a)
    multiplyRounded(into: product, left, b, accumulate: accumulate)
    result.copy(from: product.rows(0..<count))
  }
}

/// Room for a factor and a product of few rows; grows to the largest and stays.
private let fewRowsScratch = Mutex([FloatStorage(count: 0), FloatStorage(count: 0)])

/// Everything oneDNN fixes when it makes a primitive, and the thread that will run it.
private struct MatmulKey: Hashable {
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
private final class MatmulCache: @unchecked Sendable {
  static let shared = MatmulCache()
  private var primitives: [MatmulKey: MatmulPrimitive] = [:]
  private let engine: dnnl_engine_t?

  /// A run has some dozen shapes; a process that walks through many (parity cases) starts anew at some point.
  private static let mostPrimitives = 1024

  private init() {
    var engine: dnnl_engine_t?
    checkStatus(dnnl_engine_create(&engine, dnnl_cpu, 0), "dnnl_engine_create")
    self.engine = engine
  }

  /// Whether oneDNN makes products of bfloat16 for this processor.
  var isSupported: Bool {
    var (sizes, strides): ([Int64], [Int64]) = ([32, 32], [32, 1])
    var (factor, result, product) = (dnnl_memory_desc_t(), dnnl_memory_desc_t(), dnnl_matmul_desc_t())
    guard dnnl_memory_desc_init_by_strides(&factor, 2, &sizes, dnnl_bf16, &strides) == dnnl_success,
      dnnl_memory_desc_init_by_strides(&result, 2, &sizes, dnnl_f32, &strides) == dnnl_success,
      dnnl_matmul_desc_init(&product, &factor, &factor, nil, &result) == dnnl_success
    else { return false }
    var description: dnnl_primitive_desc_t?
    guard dnnl_primitive_desc_create(&description, &product, nil, engine, nil) == dnnl_success else { return false }
    dnnl_primitive_desc_destroy(description)
    return true
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
private final class MatmulPrimitive: @unchecked Sendable {
  private var primitive: dnnl_primitive_t?
  private var stream: dnnl_stream_t?
  private var memories: [dnnl_memory_t?] = []
  private let scratch: FloatStorage

  init(_ key: MatmulKey, engine: dnnl_engine_t?) {
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
