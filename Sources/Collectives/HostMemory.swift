// Memory that the ranks of one host share: parameters once per host, and each rank's sums where the others can read them.
import CMPI
import Glibc
import Matrices

/// The ranks of a host cannot share memory.
package struct SharedMemoryError: ReportableError {
  package let host: String
  package let byteCount: Int
  package let reason: String

  package var exitStatus: ExitStatus { .unusableMachine }
  package var description: String {
    "host \(host): its ranks cannot share \((byteCount + 1_048_575) >> 20) MiB of memory: \(reason). Ranks of a host have to run under one "
      + "user and see each other's processes in /proc, so in one container; or start one rank a host, with more threads."
  }
}

extension MPICommunicator {
  private var hostRanks: Range<Int> { hosts.ranks[hosts.host(of: rank)] }

  package func hostStorage(count: Int) throws -> FloatStorage {
    guard hostRanks.count > 1 else { return FloatStorage(count: count) }
    return try shareFiles(rank == hostRanks.lowerBound ? count : 0)[0]
  }

  package func hostStorages(counts: [Int]) throws -> [FloatStorage] {
    precondition(counts.count == hostRanks.count, "\(counts.count) storages for \(hostRanks.count) ranks")
    guard hostRanks.count > 1 else { return [FloatStorage(count: counts[0])] }
    return try shareFiles(counts[rank - hostRanks.lowerBound])
  }

  /// A storage of each rank of this host; every rank says how many floats its own has.
  private func shareFiles(_ count: Int) throws -> [FloatStorage] {
    let bytes = (max(count, 16) * 4 + 4095) / 4096 * 4096
    var own = SharedFile(descriptor: -1, process: getpid(), bytes: Int64(bytes), count: Int64(count))
    var failure = own.make()
    defer { own.close() }
    // Every rank must hear of one's failure.
    var all = [SharedFile](repeating: own, count: hostRanks.count)
    try waiting("MPI_Allgather") {
      MPI_Allgather(
        &own, Int32(MemoryLayout<SharedFile>.stride), cmpi_byte(), &all, Int32(MemoryLayout<SharedFile>.stride),
        cmpi_byte(), hostCommunicator)
    }
    var storages: [FloatStorage] = []
    for file in all where failure == nil {
      switch file.map() {
      case .success(let storage): storages.append(storage)
      case .failure(let error): failure = error.reason
      }
    }
    var failed = [Int32(failure == nil ? 0 : 1)]
    try waiting("MPI_Allreduce") {
      MPI_Allreduce(cmpi_in_place(), &failed, 1, cmpi_int32(), cmpi_max(), hostCommunicator)
    }
    guard failed[0] == 0 else {
      throw SharedMemoryError(host: host, byteCount: bytes, reason: failure ?? "another rank could not")
    }
    return storages
  }
}

/// Memory of one process that others of its host find through /proc. It has no name: it goes with the last process that uses it.
private struct SharedFile {
  var descriptor: Int32
  let process: Int32
  let bytes: Int64
  let count: Int64

  struct Failure: Error { let reason: String }

  /// Returns why there is none, if so.
  mutating func make() -> String? {
    descriptor = cmpi_memory_file("cegzsl")
    guard descriptor >= 0 else { return "memfd_create: \(String(cString: strerror(errno)))" }
    guard ftruncate(descriptor, Int(bytes)) == 0 else { return "ftruncate: \(String(cString: strerror(errno)))" }
    return nil
  }

  func map() -> Result<FloatStorage, Failure> {
    guard descriptor >= 0 else { return .failure(Failure(reason: "another rank has none")) }
    let path = "/proc/\(process)/fd/\(descriptor)"
    let file = open(path, O_RDWR | O_CLOEXEC)
    guard file >= 0 else { return .failure(Failure(reason: "\(path): \(String(cString: strerror(errno)))")) }
    defer { _ = Glibc.close(file) }
    // From the boundary of a huge page on, where the system grants them.
    let huge = 2 << 20
    let room = Int(bytes) + huge
    guard let hole = mmap(nil, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), hole != MAP_FAILED else {
      return .failure(Failure(reason: "mmap: \(String(cString: strerror(errno)))"))
    }
    let past = Int(bitPattern: hole) % huge
    let start = past == 0 ? hole : hole + (huge - past)
    guard mmap(start, Int(bytes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) != MAP_FAILED else {
      munmap(hole, room)
      return .failure(Failure(reason: "mmap: \(String(cString: strerror(errno)))"))
    }
    madvise(start, Int(bytes), MADV_HUGEPAGE)
    return .success(
      FloatStorage(
        mapping: UnsafeMutableRawBufferPointer(start: hole, count: room), byteOffset: start - hole, count: Int(count)))
  }

  func close() { if descriptor >= 0 { _ = Glibc.close(descriptor) } }
}
