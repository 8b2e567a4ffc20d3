// Python's pickle as far as PyTorch's files of plain tensors need it: containers, numbers, texts, and references to a tensor's bytes.
// Nothing is executed or imported. A global name is a value like any other here, and only a few are known; everything else is refused by
// its name. Every value takes at least a byte of the pickle, whose size is bounded, so memory is.

/// A value of a pickle.
indirect enum Pickled {
  case none
  case boolean(Bool)
  case integer(Int)
  case float(Double)
  case text(String)
  case tuple([Pickled], depth: Int)
  case list(PickledItems)
  case dictionary(PickledItems)
  /// "module.name".
  case global(String)
  case storage(PickledStorage)
  case tensor(PickledTensor)
}

/// The items of a list, or keys and values of a dictionary: shared by those that refer to it, as in Python.
final class PickledItems {
  var values: [Pickled] = []
  var pairs: [(key: String, value: Pickled)] = []
  /// Containers within each other, this one included.
  fileprivate(set) var depth = 1
  /// It is complete once it lies in another container: Python fills it before, unless it contains itself.
  fileprivate var isPlaced = false
}

/// The bytes that tensors are views of: an entry of the archive.
struct PickledStorage {
  let type: StoredType
  let key: String
  let count: Int
}

/// A view of a storage: sizes, and steps in elements from one index to the next.
struct PickledTensor {
  let storage: PickledStorage
  let offset: Int
  let sizes: [Int]
  let strides: [Int]
}

/// The machine that a pickle is a program for, without the instructions that make objects.
struct PickleReader {
  private var cursor: ByteCursor
  private var stack: [Pickled] = []
  /// Heights of the stack where a group of values began.
  private var marks: [Int] = []
  private var memo: [Int: Pickled] = [:]

  /// - Throws: `FormatError` for what is damaged, or no state of plain tensors.
  static func value(of bytes: [UInt8]) throws -> Pickled {
    var reader = PickleReader(cursor: ByteCursor(bytes))
    return try reader.run()
  }

  private init(cursor: ByteCursor) { self.cursor = cursor }

  private mutating func run() throws -> Pickled {
    while true {
      let code = UInt8(try cursor.byte())
      if code == UInt8(ascii: ".") {
        guard stack.count == 1, marks.isEmpty else { throw Self.damaged }
        return stack[0]
      }
      if try literal(code) { continue }
      if try container(code) { continue }
      if try reference(code) { continue }
      throw FormatError(
        "holds a pickle with the instruction 0x\(String(code, radix: 16)), which plain tensors do not need; \(Self.cure)"
      )
    }
  }

  static let cure = "save the tensors alone: torch.save(model.state_dict(), FILE), or with safetensors.torch.save_file"
  private static let damaged = FormatError("holds a pickle that is damaged; copy or make it again")

  /// Containers within each other: what is released with the outermost one, and gone through, goes so deep.
  private static let deepest = 50

  /// The depth of a container of these values, which from now on are complete.
  private static func depth(around values: [Pickled]) throws -> Int {
    var depth = 1
    for value in values {
      switch value {
      case .tuple(_, let inner): depth = max(depth, inner + 1)
      case .list(let items), .dictionary(let items):
        items.isPlaced = true
        depth = max(depth, items.depth + 1)
      default: break
      }
    }
    guard depth <= deepest else { throw FormatError("holds containers more than \(deepest) deep; \(cure)") }
    return depth
  }

  private static func tuple(_ items: [Pickled]) throws -> Pickled { .tuple(items, depth: try depth(around: items)) }

  private mutating func pop() throws -> Pickled {
    guard let last = stack.last, stack.count > marks.last ?? 0 else { throw Self.damaged }
    stack.removeLast()
    return last
  }

  private func top() throws -> Pickled {
    guard let last = stack.last, stack.count > marks.last ?? 0 else { throw Self.damaged }
    return last
  }

  /// The values since the last mark.
  private mutating func popGroup() throws -> [Pickled] {
    guard let start = marks.popLast(), start <= stack.count else { throw Self.damaged }
    defer { stack.removeSubrange(start...) }
    return Array(stack[start...])
  }

  // MARK: Instructions; each returns whether the code is one of its own.

  private mutating func literal(_ code: UInt8) throws -> Bool {
    switch code {
    case 0x80:
      let version = try cursor.byte()
      guard (2...5).contains(version) else {
        throw FormatError("holds a pickle of protocol \(version); 2 to 5 are read")
      }
    case 0x95: try cursor.skip(8)
    case UInt8(ascii: "N"): stack.append(.none)
    case 0x88: stack.append(.boolean(true))
    case 0x89: stack.append(.boolean(false))
    case UInt8(ascii: "J"): stack.append(.integer(Int(Int32(truncatingIfNeeded: try cursor.unsigned(4)))))
    case UInt8(ascii: "K"): stack.append(.integer(try cursor.byte()))
    case UInt8(ascii: "M"): stack.append(.integer(try cursor.number(2)))
    case 0x8A: stack.append(.integer(try longInteger()))
    case UInt8(ascii: "G"):
      stack.append(.float(Double(bitPattern: try cursor.raw(8).reduce(0) { $0 << 8 | UInt64($1) })))
    case UInt8(ascii: "X"): stack.append(.text(try text(try cursor.number(4))))
    case 0x8C: stack.append(.text(try text(try cursor.byte())))
    case 0x8D: stack.append(.text(try text(try cursor.number(8))))
    default: return false
    }
    return true
  }

  private mutating func text(_ byteCount: Int) throws -> String {
    guard let text = String(validating: try cursor.raw(byteCount), as: UTF8.self) else { throw Self.damaged }
    return text
  }

  /// Little-endian, signed, of any length that fits.
  private mutating func longInteger() throws -> Int {
    let bytes = try cursor.raw(try cursor.byte())
    guard bytes.count <= 8 else {
      throw FormatError("holds a number of \(bytes.count) bytes, which is none of a tensor")
    }
    let isNegative = (bytes.last ?? 0) >= 0x80
    let bits = (0..<8).reversed().reduce(UInt64(0)) {
      $0 << 8 | UInt64($1 < bytes.count ? bytes[$1] : isNegative ? 255 : 0)
    }
    return Int(truncatingIfNeeded: bits)
  }

  private mutating func container(_ code: UInt8) throws -> Bool {
    switch code {
    case UInt8(ascii: "("): marks.append(stack.count)
    case UInt8(ascii: ")"): stack.append(try Self.tuple([]))
    case UInt8(ascii: "t"): stack.append(try Self.tuple(try popGroup()))
    case 0x85, 0x86, 0x87:
      let items = try (0..<Int(code) - 0x84).map { _ in try pop() }
      stack.append(try Self.tuple(items.reversed()))
    case UInt8(ascii: "]"): stack.append(.list(PickledItems()))
    case UInt8(ascii: "}"): stack.append(.dictionary(PickledItems()))
    case UInt8(ascii: "a"):
      let value = try pop()
      try append([value])
    case UInt8(ascii: "e"):
      let values = try popGroup()
      try append(values)
    case UInt8(ascii: "s"):
      let value = try pop()
      let key = try pop()
      try set([key, value])
    case UInt8(ascii: "u"):
      let items = try popGroup()
      try set(items)
    default: return false
    }
    return true
  }

  private func append(_ values: [Pickled]) throws {
    guard case .list(let list) = try top(), !list.isPlaced else { throw Self.damaged }
    list.values += values
    list.depth = max(list.depth, try Self.depth(around: values))
  }

  private func set(_ items: [Pickled]) throws {
    guard case .dictionary(let dictionary) = try top(), !dictionary.isPlaced, items.count % 2 == 0 else {
      throw Self.damaged
    }
    dictionary.depth = max(dictionary.depth, try Self.depth(around: items))
    for place in stride(from: 0, to: items.count, by: 2) {
      switch items[place] {
      case .text(let key): dictionary.pairs.append((key, items[place + 1]))
      case .integer(let key): dictionary.pairs.append(("\(key)", items[place + 1]))
      default: throw FormatError("holds a dictionary whose keys are neither names nor numbers; \(Self.cure)")
      }
    }
  }

  private mutating func reference(_ code: UInt8) throws -> Bool {
    switch code {
    case UInt8(ascii: "q"): memo[try cursor.byte()] = try top()
    case UInt8(ascii: "r"): memo[try cursor.number(4)] = try top()
    case 0x94: memo[memo.count] = try top()
    case UInt8(ascii: "h"): stack.append(try remembered(try cursor.byte()))
    case UInt8(ascii: "j"): stack.append(try remembered(try cursor.number(4)))
    case UInt8(ascii: "c"): stack.append(try PickledGlobals.known(module: try line(), name: try line()))
    case 0x93:
      guard case .text(let name) = try pop(), case .text(let module) = try pop() else { throw Self.damaged }
      stack.append(try PickledGlobals.known(module: module, name: name))
    case UInt8(ascii: "Q"): stack.append(.storage(try PickledGlobals.storage(try pop())))
    case UInt8(ascii: "R"):
      let arguments = try pop()
      stack.append(try PickledGlobals.made(by: try pop(), arguments))
    case UInt8(ascii: "b"):
      // The attributes of a state dictionary: versions of its modules, which say nothing of its tensors.
      _ = try pop()
      guard case .dictionary = try top() else { throw Self.damaged }
    default: return false
    }
    return true
  }

  private func remembered(_ number: Int) throws -> Pickled {
    guard let value = memo[number] else { throw Self.damaged }
    return value
  }

  private mutating func line() throws -> String {
    var bytes: [UInt8] = []
    while true {
      let byte = UInt8(try cursor.byte())
      if byte == 10 { break }
      bytes.append(byte)
    }
    guard bytes.count <= 1000, let text = String(validating: bytes, as: UTF8.self) else { throw Self.damaged }
    return text
  }
}
