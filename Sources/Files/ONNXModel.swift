// ONNX: what runs anywhere that has an ONNX runtime.
import Foundation
import Matrices
import SwiftProtobuf

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
    var model = Onnx_ModelProto()
    model.irVersion = 4
    model.producerName = "cegzsl"
    model.producerVersion = programVersion
    model.graph = graph
    var operators = Onnx_OperatorSetIdProto()
    operators.version = 9
    model.opsetImport = [operators]
    model.metadataProps = metadata.map { entry in
      var message = Onnx_StringStringEntryProto()
      (message.key, message.value) = entry
      return message
    }
    return try model.serializedBytes()
  }

  private var graph: Onnx_GraphProto {
    var graph = Onnx_GraphProto()
    graph.name = name
    graph.node = nodes.map(\.message)
    graph.initializer = weights.map { weight in
      var tensor = Onnx_TensorProto()
      tensor.name = weight.name
      tensor.dims = weight.dimensions.map(Int64.init)
      tensor.dataType = Int32(Onnx_TensorProto.DataType.float.rawValue)
      tensor.rawData = weight.matrix.elements.withUnsafeBytes { Data($0) }
      return tensor
    }
    (graph.input, graph.output) = (inputs.map(\.message), outputs.map(\.message))
    return graph
  }
}

extension ONNXModel.Node {
  fileprivate var message: Onnx_NodeProto {
    var node = Onnx_NodeProto()
    (node.name, node.opType) = (output, type)
    (node.input, node.output) = (inputs, [output])
    node.attribute = attributes.map { name, value in
      var attribute = Onnx_AttributeProto()
      attribute.name = name
      switch value {
      case .float(let number): (attribute.f, attribute.type) = (number, .float)
      case .int(let number): (attribute.i, attribute.type) = (Int64(number), .int)
      case .ints(let numbers): (attribute.ints, attribute.type) = (numbers.map(Int64.init), .ints)
      }
      return attribute
    }
    return node
  }
}

extension ONNXModel.Value {
  fileprivate var message: Onnx_ValueInfoProto {
    var (rows, columns) = (Onnx_TensorShapeProto.Dimension(), Onnx_TensorShapeProto.Dimension())
    rows.dimParam = "rows"
    columns.dimValue = Int64(columnCount)
    var value = Onnx_ValueInfoProto()
    value.name = name
    value.type.tensorType.elemType = Int32(Onnx_TensorProto.DataType.float.rawValue)
    value.type.tensorType.shape.dim = [rows, columns]
    return value
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
