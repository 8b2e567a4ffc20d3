import Foundation
import Matrices

/// What may be left of changes that nothing had synchronized when the power went.
enum CrashVariant: CaseIterable {
  case nothingLost, everythingLost, contentsLost, contentsHalved, contentsZeroed, entriesLost, randomA, randomB, randomC

  var seed: UInt64? {
    switch self {
    case .randomA: 1
    case .randomB: 2
    case .randomC: 3
    default: nil
    }
  }
}

/// The file system that a crash after the first `count` operations of `log` leaves behind, on top of `start`.
func crashState(_ log: [Operation], first count: Int, from start: MemoryTree, _ variant: CrashVariant) -> MemoryTree {
  let done = log.prefix(count)
  // Operation i is safe once its file or directory has been synchronized later.
  var synchronizedUntil: [Int: Int] = [:]
  for (i, operation) in done.enumerated() {
    switch operation {
    case .synchronizeFile(let node), .synchronizeDirectory(let node): synchronizedUntil[node] = i
    default: break
    }
  }
  func isSafe(_ i: Int, _ node: Int) -> Bool { i < synchronizedUntil[node] ?? -1 }
  let random = variant.seed.map(RandomSource.init(seed:))
  func coin(_ i: Int) -> Int { random?.integer(below: 3, .batch, step: count, row: i) ?? 0 }

  var tree = start
  for (i, operation) in done.enumerated() {
    switch operation {
    case .write(let node, let bytes) where !isSafe(i, node):
      switch variant {
      case .nothingLost, .entriesLost: tree.apply(operation)
      case .everythingLost, .contentsLost: break
      case .contentsHalved: tree.apply(.write(node: node, bytes: Array(bytes.prefix(bytes.count / 2))))
      case .contentsZeroed: tree.apply(.write(node: node, bytes: [UInt8](repeating: 0, count: bytes.count)))
      case .randomA, .randomB, .randomC:
        if coin(i) == 0 { tree.apply(operation) }
        if coin(i) == 1 { tree.apply(.write(node: node, bytes: Array(bytes.prefix(bytes.count / 3)))) }
      }
    case .createEntry(let directory, _, _, _) where !isSafe(i, directory),
      .removeEntry(let directory, _) where !isSafe(i, directory),
      .rename(let directory, _, _, _) where !isSafe(i, directory):
      switch variant {
      case .everythingLost, .entriesLost: break
      case .randomA, .randomB, .randomC: if coin(i) > 0 { tree.apply(operation) }
      default: tree.apply(operation)
      }
    default: tree.apply(operation)
    }
  }
  return tree
}
