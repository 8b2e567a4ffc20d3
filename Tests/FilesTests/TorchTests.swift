import Foundation
import Matrices
import TestSupport
import Testing

@testable import Files

/// Files that `torch.save` wrote (`Fixtures/make_torch_fixtures.py`), and pickles that it would not write.
@Suite struct TorchTests {
  private func values(_ k: Int, _ count: Int) -> [Double] { (0..<count).map { Double(($0 * 7 + k) % 50 - 10) / 4 } }

  @Test(arguments: ["kinds.pt", "deflated.pt"]) func everyKindOfPlainTensor(_ name: String) throws {
    let file = try ArrayFile(path: fixture(name))
    #expect(file.format == .torch)
    for (name, k) in [("f4", 0), ("f8", 1), ("f2", 2), ("bf", 3)] {
      #expect(try file.numbers(name) == values(k, 12) && file.description(name)?.sizes == [3, 4], "\(name)")
    }
    #expect(try file.numbers("i8") == (0..<12).map { Double($0 - 5) })
    #expect(try file.numbers("u1") == (0..<12).map(Double.init))
    #expect(file.description("b1")?.kind == .booleans && file.description("one")?.sizes == [])
    #expect(try file.numbers("one") == [2.5] && file.numbers("none") == [] && file.numbers("grad") == values(4, 5))
    // Views of one storage: a part of its rows, and its transpose.
    let base = values(20, 24)
    #expect(try file.numbers("view") == Array(base[6..<18]))
    let turned = try file.matrix("turned", rows: .first)
    #expect(turned.rowCount == 6 && turned.columnCount == 4)
    #expect((0..<24).allSatisfy { turned[$0 / 4, $0 % 4] == Float(base[$0 % 4 * 6 + $0 / 4]) })
    #expect(try file.numbers("nested.list.0") == values(5, 2) && file.numbers("nested.list.1.0") == values(6, 3))
    #expect(try file.numbers("nested.7") == values(8, 2) && !file.contains("lr") && !file.contains("nested.epoch"))
  }

  @Test func whatIsNoPlainTensorIsNamedAndNothingRuns() throws {
    for (name, words) in [
      ("evil.pt", ["posix.system", "nothing was executed", "torch.save(model.state_dict(), FILE)"]),
      ("module.pt", ["torch.nn.modules.linear.Linear", "nothing was executed"]),
      ("legacy.pt", ["before version 1.6", "torch.save(torch.load("]),
    ] {
      let said = try #require(refusal { _ = try ArrayFile(path: fixture(name)) }, "\(name)")
      for word in words { #expect(said.contains(word), "\(said)") }
    }
  }

  /// A tensor whose elements lie apart, and with it its file.
  @Test func viewsWithGapsAreRefused() throws {
    let bytes = try fixtureBytes("gaps.pt")
    #expect(refusal { _ = try ArrayFile(bytes: bytes, path: "x") }?.contains("tensor.contiguous()") == true)
  }

  private func pickle(_ code: [UInt8]) -> String? { refusal { _ = try PickleReader.value(of: [0x80, 2] + code) } }

  @Test func craftedPicklesAreRefused() {
    func ascii(_ text: String) -> [UInt8] { Array(text.utf8) }
    // An endless nest, inward and outward; a list in itself; values that are not there.
    #expect(pickle(ascii(")") + [UInt8](repeating: 0x85, count: 100_000) + ascii("."))?.contains("deep") == true)
    #expect(
      pickle(
        [UInt8](repeating: UInt8(ascii: "]"), count: 5000) + [UInt8](repeating: UInt8(ascii: "a"), count: 4999)
          + ascii("."))?.contains("deep") == true)
    #expect(pickle(ascii("]q\u{0}h\u{0}ah\u{0}a."))?.contains("damaged") == true)
    for code in [
      "", ".", "t.", "(", "h\u{5}.", "a", "}s.", "R.", "K", "X\u{FF}\u{FF}\u{FF}\u{7F}", "cos\n", "i", "P0\n.",
      "(K\u{1}o.",
    ] {
      #expect(pickle(Array(code.unicodeScalars.map { UInt8($0.value) })) != nil, "\(code.debugDescription)")
    }
    #expect(pickle(ascii("cbuiltins\neval\n."))?.contains("builtins.eval") == true)
    #expect(
      pickle([0x8C, 2] + ascii("os") + [0x8C, 6] + ascii("system") + [0x93] + ascii("."))?.contains("os.system") == true
    )
    #expect(pickle([0x8A, 9] + [UInt8](repeating: 1, count: 9) + ascii("."))?.contains("9 bytes") == true)
    #expect(pickle([0x8A, 1, 0xFF] + ascii(".")) == nil)
  }
}
