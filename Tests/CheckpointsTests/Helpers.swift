import Checkpoints
import Files
import Foundation
import Matrices

let identity = CheckpointIdentity(
  datasetDigest: "d4", configurationDigest: "c7", codeVersion: "1.2.3", rankCount: 2)

/// What version 0.1 saved.
let required: [CheckpointFile] = [.model, .optimizer]

/// A small checkpoint whose every number depends on the iteration.
func checkpoint(
  _ iteration: Int, salt: Float = 0, files: [CheckpointFile] = CheckpointFile.allCases
) -> Checkpoint {
  let weights = Matrix(rows: 2, columns: 3, elements: (0..<6).map { Float(iteration * 10 + $0) + salt })
  return Checkpoint(
    iteration: iteration, epoch: iteration / 10, identity: identity,
    state: ["sampler": "at \(iteration)", "é\"\n": "ü"],
    parts: parts(iteration, salt: salt, weights: weights).filter { files.contains($0.key) })
}

func parts(
  _ iteration: Int, salt: Float = 0, weights: Matrix = Matrix(rows: 1, columns: 3)
) -> [CheckpointFile: CheckpointPart] {
  [
    .model: CheckpointPart([
      Tensor(name: "critic.fc1.weight", matrix: weights),
      Tensor(name: "critic.fc1.bias", shape: [3], floats: [Float(iteration), -0.0, .nan]),
    ]),
    .optimizer: CheckpointPart([
      Tensor(name: "critic.moment", matrix: weights.columns(1..<3)),
      Tensor(name: "step", shape: [], data: .int64([Int64(iteration)])),
    ]),
    .classes: CheckpointPart(
      [Tensor(name: "seen", shape: [3], data: .uint8([1, 0, UInt8(salt)]))], metadata: ["names": "[\"é\\n\"]"]),
    .classifier: CheckpointPart([Tensor(name: "bias", shape: [2], floats: [Float(iteration) + salt, -.infinity])]),
  ]
}

/// Whether every fact and number is that of `checkpoint(iteration)`.
func isWhole(
  _ loaded: LoadedCheckpoint, _ iteration: Int, salt: Float = 0, files: [CheckpointFile] = CheckpointFile.allCases
) -> Bool {
  let expected = checkpoint(iteration, salt: salt)
  for file in CheckpointFile.allCases {
    guard (loaded[file] != nil) == files.contains(file), (loaded.sizes[file] != nil) == files.contains(file) else {
      return false
    }
  }
  if let classes = loaded[.classes] {
    guard classes.metadata == ["names": "[\"é\\n\"]"], (try? classes.integers("seen").values) == [1, 0, Int(salt)]
    else {
      return false
    }
  }
  if let classifier = loaded[.classifier] {
    guard (try? classifier.floats("bias").values) == [Float(iteration) + salt, -.infinity] else { return false }
  }
  guard loaded.iteration == iteration, loaded.epoch == expected.epoch, loaded.identity == identity,
    loaded.state == expected.state, Set(loaded.model.names) == ["critic.fc1.weight", "critic.fc1.bias"],
    let weight = try? loaded.model.matrix("critic.fc1.weight"), let bias = try? loaded.model.floats("critic.fc1.bias"),
    let moment = try? loaded.optimizer.matrix("critic.moment"), let step = try? loaded.optimizer.integers("step")
  else { return false }
  let elements = (0..<6).map { Float(iteration * 10 + $0) + salt }
  return weight.elements == elements && weight.rowCount == 2 && bias.shape == [3]
    && bias.values.map(\.bitPattern) == [Float(iteration), -0.0, .nan].map(\.bitPattern)
    && moment.elements == [1, 2, 4, 5].map { elements[$0] } && step.shape == [] && step.values == [iteration]
}

/// A memory file system with an empty run directory, all of it durable.
func emptyRun() -> MemoryTree {
  var tree = MemoryTree()
  tree.apply(.createEntry(directory: 0, name: "run", node: 1, isDirectory: true))
  return tree
}

extension MemoryStorage {
  var tree: MemoryTree { state.withLock { $0.tree } }

  func store(keep: Int = 2) throws -> CheckpointStore {
    try CheckpointStore(runDirectory: "/run", keep: keep, storage: self, lock: nil)
  }

  func newest() throws -> LoadedCheckpoint? {
    try CheckpointStore.newestValid(runDirectory: "/run", storage: self)?.checkpoint
  }

  /// Names below `checkpoints`, sorted.
  var names: [String] { tree.find("/run/checkpoints").flatMap { tree.entries($0) }.map { $0.keys.sorted() } ?? [] }
}
