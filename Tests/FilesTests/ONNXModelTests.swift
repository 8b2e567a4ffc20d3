import Files
import Foundation
import Matrices
import TestSupport
import Testing

/// The bytes of a small model, as onnx.checker and onnxruntime have accepted them (`launch/interop`).
@Suite struct ONNXModelTests {
  static func model() -> ONNXModel {
    var model = ONNXModel(name: "example", programVersion: "1")
    model.addInput(ONNXModel.Value("x", columnCount: 3))
    model.addWeight("minimum", Matrix(rows: 1, columns: 3, elements: [1, 2, 3]), isVector: true)
    model.addNode("Sub", ["x", "minimum"], output: "shifted")
    model.addLinear(
      "shifted", weight: Matrix(rows: 2, columns: 3, elements: [1, 0, 0, 0, 2, 1]),
      bias: Matrix(rows: 1, columns: 2, elements: [0.5, -1]), name: "fc", output: "sums")
    model.addNode("LeakyRelu", ["sums"], output: "y", attributes: [("alpha", .float(0.25))])
    model.addOutput(ONNXModel.Value("y", columnCount: 2))
    model.addMetadata("classes", "[\"ä\", \"b\\\"c\"]")
    return model
  }

  @Test func bytesAreThoseThatRuntimesAccepted() throws {
    let bytes = try Self.model().encoded()
    #expect(ContentDigest(of: bytes).sha256 == "4ac2a8a6e133cc635c28c86f074bc21558ac73912c92e3e9e851b4e42313b112")
    if let path = ProcessInfo.processInfo.environment["CEGZSL_ONNX_EXAMPLE"] {
      try Data(bytes).write(to: URL(fileURLWithPath: path))
    }
  }

  @Test func tooLargeIsRefused() throws {
    // Six weights and two biases of the layer, three numbers of the vector.
    _ = try Self.model().encoded(mostBytes: 44)
    #expect(throws: ONNXError.tooLarge(bytes: 44)) { try Self.model().encoded(mostBytes: 43) }
  }
}
