/// The names that files of tensors refer to, and what stands for them here.
enum PickledGlobals {
  private static let orderedDictionary = "collections.OrderedDict"
  private static let tensor = "torch._utils._rebuild_tensor_v2"
  private static let parameter = "torch._utils._rebuild_parameter"
  private static let storages: [String: StoredType] = [
    "torch.FloatStorage": .float32, "torch.DoubleStorage": .float64, "torch.HalfStorage": .float16,
    "torch.BFloat16Storage": .bfloat16, "torch.LongStorage": .int64, "torch.IntStorage": .int32,
    "torch.ShortStorage": .int16, "torch.CharStorage": .int8, "torch.ByteStorage": .uint8,
    "torch.BoolStorage": .boolean,
  ]

  static func known(module: String, name: String) throws -> Pickled {
    let whole = module + "." + name
    guard [orderedDictionary, tensor, parameter].contains(whole) || storages[whole] != nil else {
      throw FormatError(
        "asks for \(whole.forTerminal), which is no plain tensor and is not looked up, so nothing was executed; \(PickleReader.cure)"
      )
    }
    return .global(whole)
  }

  /// ("storage", its type, the name of its bytes, a device, elements)
  static func storage(_ value: Pickled) throws -> PickledStorage {
    guard case .tuple(let parts, _) = value, parts.count == 5, case .text("storage") = parts[0],
      case .global(let name) = parts[1], let type = storages[name], case .text(let key) = parts[2],
      case .integer(let count) = parts[4], count >= 0
    else { throw FormatError("holds a reference that is to no tensor's bytes; \(PickleReader.cure)") }
    return PickledStorage(type: type, key: key, count: count)
  }

  static func made(by function: Pickled, _ arguments: Pickled) throws -> Pickled {
    guard case .global(let name) = function, case .tuple(let arguments, _) = arguments else {
      throw FormatError("holds a call of what is no function; \(PickleReader.cure)")
    }
    switch name {
    case orderedDictionary where arguments.isEmpty: return .dictionary(PickledItems())
    case tensor: return .tensor(try view(arguments))
    case parameter:
      guard arguments.count == 3, case .tensor = arguments[0] else { break }
      return arguments[0]
    default: break
    }
    throw FormatError("calls \(name) in a way that plain tensors do not need; \(PickleReader.cure)")
  }

  /// (storage, offset, sizes, strides, whether it needs gradients, hooks, metadata: marks such as `neg`)
  private static func view(_ arguments: [Pickled]) throws -> PickledTensor {
    func numbers(_ value: Pickled) -> [Int]? {
      guard case .tuple(let items, _) = value else { return nil }
      let numbers = items.compactMap { item in if case .integer(let number) = item { number } else { nil } }
      return numbers.count == items.count && numbers.allSatisfy { $0 >= 0 } ? numbers : nil
    }
    guard arguments.count >= 4, case .storage(let storage) = arguments[0], case .integer(let offset) = arguments[1],
      offset >= 0, let sizes = numbers(arguments[2]), let strides = numbers(arguments[3]), sizes.count == strides.count
    else { throw FormatError("holds a tensor without storage, sizes or strides; \(PickleReader.cure)") }
    if arguments.count > 6, case .dictionary(let metadata) = arguments[6], !metadata.pairs.isEmpty {
      throw FormatError(
        "holds a tensor that is negated or conjugated when it is read; save it after .resolve_neg() or .resolve_conj()")
    }
    return PickledTensor(storage: storage, offset: offset, sizes: sizes, strides: strides)
  }
}
