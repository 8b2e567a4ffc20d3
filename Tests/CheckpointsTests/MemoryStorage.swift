import Files
import Foundation
import Synchronization

/// One change to a file system, with files and directories by number, so that it can be replayed.
enum Operation: Sendable {
  case createEntry(directory: Int, name: String, node: Int, isDirectory: Bool)
  case removeEntry(directory: Int, name: String)
  case rename(directory: Int, name: String, toDirectory: Int, toName: String)
  case write(node: Int, bytes: [UInt8])
  case synchronizeFile(node: Int)
  case synchronizeDirectory(node: Int)
}

/// Directories and files as numbers; 0 is the root.
struct MemoryTree: Sendable {
  enum Node: Sendable {
    case file([UInt8])
    case directory([String: Int])
  }
  var nodes: [Int: Node] = [0: .directory([:])]

  func entries(_ node: Int) -> [String: Int]? {
    if case .directory(let entries) = nodes[node] { entries } else { nil }
  }

  func contents(_ node: Int) -> [UInt8]? {
    if case .file(let bytes) = nodes[node] { bytes } else { nil }
  }

  func find(_ path: String) -> Int? {
    path.split(separator: "/").reduce(0) { node, name in node.flatMap { entries($0)?[String(name)] } }
  }

  /// Applies an operation where it makes sense; a lost earlier one may have taken away what it needs.
  mutating func apply(_ operation: Operation) {
    switch operation {
    case .createEntry(let directory, let name, let node, let isDirectory):
      guard var entries = entries(directory) else { return }
      entries[name] = node
      nodes[directory] = .directory(entries)
      if nodes[node] == nil { nodes[node] = isDirectory ? .directory([:]) : .file([]) }
    case .removeEntry(let directory, let name):
      guard var entries = entries(directory) else { return }
      entries[name] = nil
      nodes[directory] = .directory(entries)
    case .rename(let directory, let name, let toDirectory, let toName):
      guard var entries = entries(directory), let node = entries.removeValue(forKey: name) else { return }
      nodes[directory] = .directory(entries)
      guard var target = self.entries(toDirectory) else { return }
      target[toName] = node
      nodes[toDirectory] = .directory(target)
    case .write(let node, let bytes):
      nodes[node] = .file((contents(node) ?? []) + bytes)
    case .synchronizeFile, .synchronizeDirectory: break
    }
  }
}

/// A file system in memory that logs its changes and fails on demand.
final class MemoryStorage: Storage {
  struct State: Sendable {
    var tree = MemoryTree()
    var log: [Operation] = []
    var nextNode = 1
    var open: [Int32: (node: Int, position: Int)] = [:]
    var nextDescriptor: Int32 = 3
    var calls = 0
    /// Fails this call, counted from 0, and with `failsOn` every later one too.
    var failingCall: Int?
    var failsOn = false
    var code: Int32 = ENOSPC
    var failedCalls: [String] = []
    /// Descriptors whose synchronization failed; a second try is a fault of the program.
    var poisoned: Set<Int32> = []
    /// The largest amount that one write accepts.
    var writeLimit = Int.max
    /// Says it wrote and does not, in the call of this number.
    var lyingCall: Int?
  }
  let state: Mutex<State>

  init(tree: MemoryTree = MemoryTree()) {
    var state = State()
    state.nextNode = (tree.nodes.keys.max() ?? 0) + 1
    state.tree = tree
    self.state = Mutex(state)
  }

  private func call<Value: Sendable>(
    _ name: String, _ path: String, _ body: (inout State) -> Result<Value, StorageError>
  ) throws(StorageError) -> Value {
    let result = state.withLock { state -> Result<Value, StorageError> in
      let number = state.calls
      state.calls += 1
      if let failing = state.failingCall, number == failing || (state.failsOn && number > failing) {
        state.failedCalls.append("\(name) \(path)")
        return .failure(.callFailed(call: name, path: path, code: state.code))
      }
      return body(&state)
    }
    return try result.get()
  }

  private func missing(_ call: String, _ path: String, _ code: Int32 = ENOENT) -> StorageError {
    .callFailed(call: call, path: path, code: code)
  }

  private func split(_ path: String) -> (parent: String, name: String) {
    ((path as NSString).deletingLastPathComponent, (path as NSString).lastPathComponent)
  }

  private func create(_ call: String, _ path: String, isDirectory: Bool, _ state: inout State) -> Result<
    Int, StorageError
  > {
    let (parent, name) = split(path)
    guard let directory = state.tree.find(parent), let entries = state.tree.entries(directory) else {
      return .failure(missing(call, path))
    }
    if entries[name] != nil { return .failure(missing(call, path, EEXIST)) }
    let node = state.nextNode
    state.nextNode += 1
    state.change(.createEntry(directory: directory, name: name, node: node, isDirectory: isDirectory))
    return .success(node)
  }

  func createFile(_ path: String) throws(StorageError) -> Int32 {
    try call("open", path) { state in
      create("open", path, isDirectory: false, &state).map { state.descriptor(of: $0) }
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer, to file: Int32, path: String) throws(StorageError) -> Int {
    let copy = Array(bytes)
    return try call("write", path) { state in
      guard let node = state.open[file]?.node else { return .failure(missing("write", path, EBADF)) }
      let accepted = Array(copy.prefix(state.writeLimit))
      if state.lyingCall != state.calls - 1 { state.change(.write(node: node, bytes: accepted)) }
      return .success(accepted.count)
    }
  }

  func synchronize(_ file: Int32, path: String) throws(StorageError) {
    precondition(state.withLock { !$0.poisoned.contains(file) }, "a failed descriptor was synchronized again")
    do throws(StorageError) {
      try call("fsync", path) { state -> Result<Void, StorageError> in
        guard let node = state.open[file]?.node else { return .failure(missing("fsync", path, EBADF)) }
        state.change(.synchronizeFile(node: node))
        return .success(())
      }
    } catch {
      state.withLock { _ = $0.poisoned.insert(file) }
      throw error
    }
  }

  func close(_ file: Int32, path: String) throws(StorageError) {
    // The descriptor is gone even when the call fails.
    let wasOpen = state.withLock { $0.open.removeValue(forKey: file) != nil }
    try call("close", path) { _ -> Result<Void, StorageError> in
      wasOpen ? .success(()) : .failure(missing("close", path, EBADF))
    }
  }

  func openForReading(_ path: String) throws(StorageError) -> (file: Int32, size: Int) {
    try call("open", path) { state in
      guard let node = state.tree.find(path) else { return .failure(missing("open", path)) }
      guard let bytes = state.tree.contents(node) else { return .failure(.notRegularFile(path: path)) }
      return .success((state.descriptor(of: node), bytes.count))
    }
  }

  func read(
    _ file: Int32, into bytes: UnsafeMutableRawBufferPointer, path: String
  ) throws(StorageError) -> Int {
    let count = bytes.count
    let piece: [UInt8] = try call("read", path) { state in
      guard let (node, position) = state.open[file], let contents = state.tree.contents(node) else {
        return .failure(missing("read", path, EBADF))
      }
      let piece = Array(contents.dropFirst(position).prefix(count))
      state.open[file] = (node, position + piece.count)
      return .success(piece)
    }
    bytes.copyBytes(from: piece)
    return piece.count
  }

  func createDirectory(_ path: String) throws(StorageError) {
    try call("mkdir", path) { state in create("mkdir", path, isDirectory: true, &state).map { _ in } }
  }

  func synchronizeDirectory(_ path: String) throws(StorageError) {
    try call("fsync of directory", path) { state -> Result<Void, StorageError> in
      guard let node = state.tree.find(path) else { return .failure(missing("fsync of directory", path)) }
      state.change(.synchronizeDirectory(node: node))
      return .success(())
    }
  }

  func rename(_ path: String, to newPath: String) throws(StorageError) {
    let ((parent, name), (newParent, newName)) = (split(path), split(newPath))
    try call("rename", path) { state -> Result<Void, StorageError> in
      guard let from = state.tree.find(parent), let to = state.tree.find(newParent), state.tree.find(path) != nil else {
        return .failure(missing("rename", path))
      }
      if let target = state.tree.find(newPath), state.tree.entries(target)?.isEmpty == false {
        return .failure(missing("rename", path, ENOTEMPTY))
      }
      state.change(.rename(directory: from, name: name, toDirectory: to, toName: newName))
      return .success(())
    }
  }

  private func remove(_ call: String, _ path: String, _ allowed: (MemoryTree.Node) -> Bool) throws(StorageError) {
    let (parent, name) = split(path)
    try self.call(call, path) { state -> Result<Void, StorageError> in
      guard let directory = state.tree.find(parent), let node = state.tree.find(path),
        let found = state.tree.nodes[node]
      else { return .failure(missing(call, path)) }
      guard allowed(found) else { return .failure(missing(call, path, ENOTEMPTY)) }
      state.change(.removeEntry(directory: directory, name: name))
      return .success(())
    }
  }

  func removeFile(_ path: String) throws(StorageError) {
    try remove("unlink", path) { if case .file = $0 { true } else { false } }
  }

  func removeDirectory(_ path: String) throws(StorageError) {
    try remove("rmdir", path) { if case .directory(let entries) = $0 { entries.isEmpty } else { false } }
  }

  func entries(of path: String) throws(StorageError) -> [String] {
    try call("opendir", path) { state in
      guard let node = state.tree.find(path), let entries = state.tree.entries(node) else {
        return .failure(missing("opendir", path))
      }
      return .success(Array(entries.keys))
    }
  }

  func kind(of path: String) throws(StorageError) -> EntryKind? {
    try call("lstat", path) { state in
      guard let node = state.tree.find(path) else { return .success(nil) }
      return .success(state.tree.entries(node) != nil ? .directory : .file)
    }
  }
}

extension MemoryStorage.State {
  mutating func change(_ operation: Operation) {
    log.append(operation)
    tree.apply(operation)
  }

  mutating func descriptor(of node: Int) -> Int32 {
    nextDescriptor += 1
    open[nextDescriptor] = (node, 0)
    return nextDescriptor
  }
}
