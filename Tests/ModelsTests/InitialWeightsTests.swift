import Files
import Foundation
import Kernels
import Matrices
import Models
import Networks
import TestSupport
import Testing

/// State dictionaries of the authors' networks as weights to start from (`Tests/FilesTests/Fixtures/make_torch_fixtures.py` wrote them).
@Suite struct InitialWeightsTests {
  private let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/initial").path

  private func model(_ change: (inout ModelSizes) -> Void = { _ in }) -> HybridModel {
    var sizes = ModelSizes(
      feature: 6, attribute: 3, noise: 2, generatorWidth: 5, criticWidth: 4, embedding: 7, projection: 3,
      comparatorWidth: 4)
    change(&sizes)
    return HybridModel(sizes: sizes, context: ProductContext())
  }

  private static let layers = [
    ("generator.fc1", 0), ("generator.fc2", 2), ("critic.fc1", 4), ("critic.fc2", 6), ("embedding.fc", 8),
    ("projection.fc", 10), ("comparator.fc1", 12), ("comparator.fc2", 14),
  ]

  private func expectWeights(_ model: HybridModel) {
    for arena in model.arenas {
      for shape in arena.shapes {
        let layer = Self.layers.first { shape.name.hasPrefix($0.0 + ".") }
        let k = (layer?.1 ?? 0) + (shape.isVector ? 1 : 0)
        let expected = (0..<shape.count).map { Float(($0 * 7 + k) % 50 - 10) / 4 }
        #expect(arena.value(shape.name).elements == expected, "\(shape.name)")
      }
    }
  }

  private var separate: [String] { ["netG", "netD", "netMap", "F_ha"].map { "\(folder)/separate/\($0).pth" } }

  @Test func oneFileSeveralFilesOrAFolder() throws {
    for paths in [[folder + "/all.pt"], separate, separate.reversed(), [folder + "/separate"]] {
      let model = model()
      let weights = try InitialWeights(paths, for: model)
      try weights.put(into: model)
      expectWeights(model)
      #expect(weights.notes.count == (paths == [folder + "/all.pt"] ? 1 : 4))
    }
  }

  /// Files whose names say nothing are told apart by their shapes; and a checkpoint's own file.
  @Test func otherNamesAndOurOwn() throws {
    try withTemporaryFolder { temporary in
      for (number, path) in separate.enumerated() {
        try FileManager.default.copyItem(atPath: path, toPath: "\(temporary)/state\(number).pt")
      }
      let first = model()
      try InitialWeights([temporary], for: first).put(into: first)
      expectWeights(first)
      let own = temporary + "/model.safetensors"
      try SafetensorsFile.write(path: own, tensors: first.tensors)
      let second = model()
      try InitialWeights([own], for: second).put(into: second)
      expectWeights(second)
    }
  }

  private func problems(_ paths: [String], _ model: HybridModel) -> [String] {
    do {
      _ = try InitialWeights(paths, for: model)
      return []
    } catch let error as InitialWeightsError {
      #expect(error.exitStatus == .badData)
      return error.problems
    } catch { return ["\(error)"] }
  }

  @Test func whatDoesNotFitIsNamed() throws {
    let all = folder + "/all.pt"
    func expect(_ found: [String], _ words: [String]) {
      #expect(found.count == words.count, "\(found)")
      for (problem, word) in zip(found, words) { #expect(problem.contains(word), "\(problem)") }
    }
    expect(
      problems([all], model { $0.embedding = 8 }),
      [
        "netMap.module.fc1.weight has the shape [7, 6]; embedding.fc.weight is [8, 6]", "embedding.fc.bias is [8]",
        "projection.fc.weight is [3, 8]", "comparator.fc1.weight is [4, 11]",
      ])
    expect(
      problems(Array(separate.dropFirst()), model()),
      [
        "generator.fc1.weight [5, 5] is missing", "generator.fc1.bias", "generator.fc2.weight",
        "generator.fc2.bias [6]",
      ])
    let twice = problems([all, separate[1]], model())
    #expect(twice.count == 4 && twice[0].contains("critic.fc1.weight is there twice"), "\(twice)")
    let extra = problems([all], model { $0.kind = .instance })
    #expect(extra.count == 4 && extra[0].contains("which a model of --embedding instance does not have"), "\(extra)")
    expect(problems(["/nowhere.pt"], model()), ["No such file"])
    try withTemporaryFolder { temporary in
      expect(problems([temporary], model()), ["has no .pt, .pth or .safetensors file"])
      var tensors = model().tensors
      tensors.append(Tensor(name: "optimizer.state", shape: [2], floats: [0, 0]))
      tensors[0] = Tensor(
        name: tensors[0].name, shape: tensors[0].shape, data: .int32([Int32](repeating: 0, count: 25)))
      try SafetensorsFile.write(path: temporary + "/a.safetensors", tensors: tensors)
      let found = problems([temporary], model())
      #expect(found.contains { $0.contains("optimizer.state [2] is no layer of G, D, E, H or F") }, "\(found)")
    }
  }

  @Test func aWeightThatIsNotFiniteIsNamed() throws {
    try withTemporaryFolder { temporary in
      let model = model()
      model.arenas[0].value("generator.fc2.weight")[3, 1] = .nan
      try SafetensorsFile.write(path: temporary + "/a.safetensors", tensors: model.tensors)
      let weights = try InitialWeights([temporary], for: model)
      let error = #expect(throws: InitialWeightsError.self) { try weights.put(into: model) }
      #expect(
        error?.problems.first?.contains("generator.fc2.weight: row 4, column 2 is nan") == true,
        "\(error.debugDescription)")
    }
  }
}
