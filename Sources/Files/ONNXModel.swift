// ONNX, as the messages of onnx.proto3 (field numbers in comments): what runs anywhere that has an ONNX runtime.
import Matrices

/// A graph of a few operators over float32 matrices, with its weights, to be written as an ONNX model.
///
/// Operator set 9 and IR version 4 (onnx 1.4, 2018): every onnxruntime since 0.3 runs them, and newer ones go on to.
package struct ONNXModel {
  /// An input or an output: float32, with a dimension that any number of rows may take the place of, or none.
  package struct Value {
    package let name: String
    /// Of the columns; the rows are free.
    package let columnCount: Int

    package init(_ name: String, columnCount: Int) {
      self.name = name
      self.columnCount = columnCount
    }
  }

  package enum Attribute {
    case int(Int)
    case float(Float)
    case ints([Int])
  }

  struct Node {
    let type: String
    let inputs: [String]
    let output: String
    let attributes: [(name: String, value: Attribute)]
  }

  private let name: String
  private let programVersion: String
  private(set) var nodes: [Node] = []
  private(set) var weights: [(name: String, dimensions: [Int], matrix: Matrix)] = []
  private(set) var inputs: [Value] = []
  private(set) var outputs: [Value] = []
  private var metadata: [(key: String, value: String)] = []

  /// - Parameter name: of the graph.
  package init(name: String, programVersion: String) {
    self.name = name
    self.programVersion = programVersion
  }

  package mutating func addInput(_ value: Value) { inputs.append(value) }
  package mutating func addOutput(_ value: Value) { outputs.append(value) }

  /// Texts beside the graph, which runtimes hand out (`metadata_props`).
  package mutating func addMetadata(_ key: String, _ value: String) { metadata.append((key, value)) }

  /// A constant of the graph. Its elements are read when the model is written.
  ///
  /// - Parameter isVector: of one dimension; then the matrix has one row.
  package mutating func addWeight(_ name: String, _ matrix: Matrix, isVector: Bool = false) {
    precondition(!isVector || matrix.rowCount == 1, "\(name) has \(matrix.rowCount) rows")
    weights.append((name, isVector ? [matrix.columnCount] : [matrix.rowCount, matrix.columnCount], matrix))
  }

  /// An operator of ONNX's own domain with one output, which takes its output's name; inputs must be there before.
  package mutating func addNode(
    _ type: String, _ inputs: [String], output: String, attributes: [(name: String, value: Attribute)] = []
  ) {
    nodes.append(Node(type: type, inputs: inputs, output: output, attributes: attributes))
  }

  /// y = x · Wᵀ + b, a linear layer as PyTorch keeps it: W [out, in], b [1, out].
  package mutating func addLinear(_ input: String, weight: Matrix, bias: Matrix, name: String, output: String) {
    addWeight(name + ".weight", weight)
    addWeight(name + ".bias", bias, isVector: true)
    addNode(
      "Gemm", [input, name + ".weight", name + ".bias"], output: output, attributes: [("transB", .int(1))])
  }

  /// The file's bytes.
  ///
  /// - Parameter mostBytes: of the weights; readers of protocol buffers take no message above 2 GiB.
  /// - Throws: `ONNXError.tooLarge`.
  package func encoded(mostBytes: Int = 2_000_000_000) throws -> [UInt8] {
    let bytes = weights.reduce(0) { $0 + 4 * $1.matrix.count }
    guard bytes <= mostBytes else { throw ONNXError.tooLarge(bytes: bytes) }
    var model = ProtobufEncoder()
    model.field(1, varint: 4)  // ir_version
    model.field(2, string: "cegzsl")  // producer_name
    model.field(3, string: programVersion)  // producer_version
    model.field(7) { encodeGraph(&$0) }  // graph
    model.field(8) { $0.field(2, varint: 9) }  // opset_import: version
    for entry in metadata {  // metadata_props
      model.field(14) {
        $0.field(1, string: entry.key)
        $0.field(2, string: entry.value)
      }
    }
    return model.bytes
  }

  private func encodeGraph(_ graph: inout ProtobufEncoder) {
    for node in nodes { graph.field(1) { Self.encode(node, &$0) } }  // node
    graph.field(2, string: name)  // name
    for weight in weights {  // initializer
      graph.field(5) { tensor in
        for dimension in weight.dimensions { tensor.field(1, varint: UInt64(dimension)) }  // dims
        tensor.field(2, varint: 1)  // data_type: FLOAT
        tensor.field(8, string: weight.name)  // name
        // Little-endian rows, one after the other.
        let elements = weight.matrix.elements
        elements.withUnsafeBytes { tensor.field(9, bytes: $0) }  // raw_data
      }
    }
    for value in inputs { graph.field(11) { Self.encode(value, &$0) } }  // input
    for value in outputs { graph.field(12) { Self.encode(value, &$0) } }  // output
  }

  private static func encode(_ node: Node, _ message: inout ProtobufEncoder) {
    for input in node.inputs { message.field(1, string: input) }  // input
    message.field(2, string: node.output)  // output
    message.field(3, string: node.output)  // name
    message.field(4, string: node.type)  // op_type
    for attribute in node.attributes {  // attribute
      message.field(5) {
        $0.field(1, string: attribute.name)  // name
        switch attribute.value {
        case .float(let value):
          $0.field(2, float: value)  // f
          $0.field(20, varint: 1)  // type: FLOAT
        case .int(let value):
          $0.field(3, varint: UInt64(bitPattern: Int64(value)))  // i
          $0.field(20, varint: 2)  // type: INT
        case .ints(let values):
          for value in values { $0.field(8, varint: UInt64(bitPattern: Int64(value))) }  // ints
          $0.field(20, varint: 7)  // type: INTS
        }
      }
    }
  }

  private static func encode(_ value: Value, _ message: inout ProtobufEncoder) {
    message.field(1, string: value.name)  // name
    message.field(2) { type in  // type
      type.field(1) { tensor in  // tensor_type
        tensor.field(1, varint: 1)  // elem_type: FLOAT
        tensor.field(2) { shape in  // shape
          shape.field(1) { $0.field(2, string: "rows") }  // dim: dim_param
          shape.field(1) { $0.field(1, varint: UInt64(value.columnCount)) }  // dim: dim_value
        }
      }
    }
  }
}

package enum ONNXError: ReportableError, Equatable {
  case tooLarge(bytes: Int)

  package var exitStatus: ExitStatus { .usage }
  package var description: String {
    switch self {
    case .tooLarge(let bytes):
      "the weights take \(bytes >> 20) MiB, and an ONNX file holds less than 2 GiB: use --format safetensors or npz."
    }
  }
}
