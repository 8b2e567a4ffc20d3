// Weights to start training from: state dictionaries of the authors' networks, of this program's checkpoints, or of anybody's copy of
// either, in any format of `ArrayFile`.
import Files
import Foundation
import Matrices
import Networks

/// Initial weights that do not fit.
package struct InitialWeightsError: ReportableError, Equatable {
  package let problems: [String]

  package var exitStatus: ExitStatus { .badData }
  package var description: String {
    let shown = problems.prefix(12).map { "\n  " + $0 }.joined()
    let more = problems.count > 12 ? "\n  … and \(problems.count - 12) more" : ""
    return
      "--initial: the weights are not those of this model:\(shown)\(more)\nSizes come from the data and from --generator-width, "
      + "--critic-width, --embedding-size, --projection-size, --comparator-width and --noise-size."
  }
}

/// A network of the model: how others name it and its layers, and what it is called here.
private struct KnownNetwork {
  /// Words of names, in small letters.
  let words: Set<String>
  /// Names of layers behind such a word, or in a file of that name, and here.
  let layers: [String: String]

  static let all = [
    KnownNetwork(
      words: ["netg", "g", "generator", "gen", "mlp_g"], layers: ["fc1": "generator.fc1", "fc2": "generator.fc2"]),
    KnownNetwork(
      words: ["netd", "d", "critic", "discriminator", "disc", "mlp_critic"],
      layers: ["fc1": "critic.fc1", "fc2": "critic.fc2"]),
    KnownNetwork(
      words: ["netmap", "map", "mapping", "embedding_net", "embedding", "embed"],
      layers: ["fc1": "embedding.fc", "fc2": "projection.fc", "fc": "embedding.fc"]),
    KnownNetwork(
      words: ["f_ha", "netf", "f", "comparator", "dis_embed_att"],
      layers: ["fc1": "comparator.fc1", "fc2": "comparator.fc2"]),
    KnownNetwork(words: ["projection"], layers: ["fc": "projection.fc"]),
  ]

  /// Whole names of layers, as they stand in a file of all networks.
  static let whole = [
    "g1": "generator.fc1", "g2": "generator.fc2", "d1": "critic.fc1", "d2": "critic.fc2", "e": "embedding.fc",
    "h": "projection.fc", "f1": "comparator.fc1", "f2": "comparator.fc2",
  ]

  /// The one network that a file's name speaks of: "CUB_netG_best.pth", "F_ha.pt".
  static func named(inFile path: String) -> KnownNetwork? {
    let stem = ((path as NSString).lastPathComponent as NSString).deletingPathExtension.lowercased()
    let words = stem.split { !$0.isLetter && !$0.isNumber }.map(String.init)
    let pairs = zip(words, words.dropFirst()).map { $0 + "_" + $1 }
    let found = all.filter { network in (words + pairs).contains { network.words.contains($0) } }
    return found.count == 1 ? found[0] : nil
  }
}

/// The weights of all networks, checked against a model.
package struct InitialWeights {
  /// Where each parameter of the model is.
  private let places: [(shape: ParameterShape, file: ArrayFile, tensor: String)]
  /// What is worth telling.
  package private(set) var notes: [String] = []

  /// - Parameters:
  ///   - paths: files, or folders of .pt, .pth and .safetensors files; together they hold every parameter of the model once.
  ///   - model: whose names and shapes they must have.
  /// - Throws: `InitialWeightsError` with all that is missing, unknown, of another shape or twice; `ArrayFileError`.
  package init(_ paths: [String], for model: HybridModel) throws {
    var problems: [String] = []
    let files = try paths.flatMap(Self.files).map { try ArrayFile(path: $0) }
    let shapes = model.arenas.flatMap(\.shapes)
    var found: [String: (file: ArrayFile, tensor: String)] = [:]
    for file in files {
      let names = Self.names(in: file, shapes: shapes, &problems)
      for array in file.arrays {
        guard let name = names[array.name] else { continue }
        let label = "\(file.path), \(array.name.forTerminal)"
        guard let shape = shapes.first(where: { $0.name == name }) else {
          problems.append("\(label) is \(name), which a model of --embedding \(model.sizes.kind) does not have")
          continue
        }
        if let other = found[name] {
          problems.append("\(name) is there twice: \(other.file.path), \(other.tensor.forTerminal), and \(label)")
        }
        found[name] = (file, array.name)
        if array.sizes != shape.fileShape {
          problems.append("\(label) has the shape \(array.sizes); \(name) is \(shape.fileShape)")
        }
        if array.kind != .numbers { problems.append("\(label) is not made of numbers") }
      }
    }
    for shape in shapes where found[shape.name] == nil {
      problems.append("\(shape.name) \(shape.fileShape) is missing")
    }
    guard problems.isEmpty else { throw InitialWeightsError(problems: problems) }
    places = shapes.compactMap { shape in found[shape.name].map { (shape, $0.file, $0.tensor) } }
    notes = files.map { "initial weights: \($0.path), \($0.format.rawValue) of \($0.arrays.count) tensors" }
  }

  /// A file, or the weights in a folder, by name.
  private static func files(_ path: String) throws -> [String] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
      return [path]
    }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    let files = names.sorted().filter { [".pt", ".pth", ".safetensors"].contains(where: $0.hasSuffix) }
    guard !files.isEmpty else {
      throw InitialWeightsError(problems: ["the folder \(path) has no .pt, .pth or .safetensors file"])
    }
    return files.map { path + "/" + $0 }
  }

  /// Our name of each tensor of a file.
  private static func names(
    in file: ArrayFile, shapes: [ParameterShape], _ problems: inout [String]
  ) -> [String: String] {
    var result: [String: String] = [:]
    var bare: [(tensor: String, layer: String, part: String)] = []
    for array in file.arrays {
      // What torch.nn.DataParallel puts before every name.
      var words = array.name.split(separator: ".").map(String.init).filter { $0 != "module" }
      let part = words.popLast() ?? ""
      let layer = words.popLast() ?? ""
      let network = words.popLast()
      let known = network.flatMap { word in KnownNetwork.all.first { $0.words.contains(word.lowercased()) } }
      if let name = known?.layers[layer.lowercased()], part == "weight" || part == "bias" {
        result[array.name] = name + "." + part
      } else if network == nil, let name = KnownNetwork.whole[layer.lowercased()], part == "weight" || part == "bias" {
        result[array.name] = name + "." + part
      } else if network == nil, ["fc1", "fc2"].contains(layer), part == "weight" || part == "bias" {
        bare.append((array.name, layer, part))
      } else {
        problems.append("\(file.path), \(array.name.forTerminal) \(array.sizes) is no layer of G, D, E, H or F")
      }
    }
    if bare.isEmpty { return result }
    guard let network = network(of: file, shapes: shapes) else {
      problems.append(
        "\(file.path): which network is it? Name the file netG, netD, netMap or F_ha, as the authors' code names them")
      return result
    }
    for (tensor, layer, part) in bare { result[tensor] = (network.layers[layer] ?? layer) + "." + part }
    return result
  }

  /// The network whose layers are just fc1 and fc2 in a file: the file's name tells it, or else their shapes.
  private static func network(of file: ArrayFile, shapes: [ParameterShape]) -> KnownNetwork? {
    if let named = KnownNetwork.named(inFile: file.path) { return named }
    let fitting = KnownNetwork.all.filter { network in
      file.arrays.allSatisfy { array in
        let words = array.name.split(separator: ".").suffix(2).map(String.init)
        guard words.count == 2, let layer = network.layers[words[0]] else { return false }
        return shapes.contains { $0.name == layer + "." + words[1] && $0.fileShape == array.sizes }
      }
    }
    return fitting.count == 1 ? fitting[0] : nil
  }

  /// Rows that are read at once.
  private static let block = 256

  /// Puts all weights in place, rounded to float32 where they are wider.
  ///
  /// - Throws: `InitialWeightsError` for a weight that is not finite; `ArrayFileError` for bytes that are damaged.
  package func put(into model: HybridModel) throws {
    let values = Dictionary(
      uniqueKeysWithValues: model.arenas.flatMap { arena in arena.shapes.map { ($0.name, arena.value($0.name)) } })
    for (shape, file, tensor) in places {
      guard let value = values[shape.name] else { preconditionFailure("no parameter \(shape.name)") }
      let rows = try file.rows(of: tensor, .first)
      var first = 0
      while let block = try rows.next(shape.isVector ? shape.columnCount : Self.block) {
        for r in 0..<block.rowCount {
          for c in 0..<block.columnCount where !block[r, c].isFinite {
            throw InitialWeightsError(problems: [
              "\(file.path), \(tensor.forTerminal): row \(first + r + 1), column \(c + 1) is \(block[r, c])"
            ])
          }
        }
        if shape.isVector {
          value.copy(from: block.reshaped(rows: 1, columns: shape.columnCount))
        } else {
          value.rows(first..<first + block.rowCount).copy(from: block)
        }
        first += block.rowCount
      }
    }
  }
}
