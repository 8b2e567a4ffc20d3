// The exchanges of a training step: begun without blocking, finished when their floats are needed.
import CMPI
import Matrices
import Profiling

extension MPICommunicator {
  package func startGatherRows(_ local: Matrix, into all: Matrix, partition: RowPartition) throws -> any Transfer {
    precondition(local.isContiguous && all.isContiguous && local.columnCount == all.columnCount)
    precondition(local.rowCount == partition.slice(of: rank).count && all.rowCount == partition.rowCount)
    let columns = local.columnCount
    let transfer = MPITransfer(self, "MPI_Iallgatherv", keeping: [local.storage, all.storage])
    let counts = transfer.keep(try partition.slices.map { try count($0.count * columns) })
    let places = transfer.keep(try partition.slices.map { try count($0.lowerBound * columns) })
    try transfer.start(floats: local.count) {
      MPI_Iallgatherv(
        local.start, counts[rank], cmpi_float(), all.start, counts, places, cmpi_float(), communicator, $0)
    }
    return transfer
  }

  package func startExchangeColumns(
    _ local: Matrix, columns: [Range<Int>], into mine: Matrix, partition: RowPartition
  ) throws -> any Transfer {
    precondition(columns.count == rankCount && partition.rankCount == rankCount)
    precondition(mine.isContiguous && mine.rowCount == partition.rowCount && mine.columnCount == columns[rank].count)
    // One block per receiver, next to each other.
    let packed = sendBuffer(local.count)
    let transfer = MPITransfer(self, "MPI_Ialltoallv", keeping: [packed, mine.storage]) { [weak self] in
      self?.sendBuffers[packed.count, default: []].append(packed)
    }
    var (sizes, starts): ([Int32], [Int32]) = ([], [])
    var end = 0
    for range in columns {
      sizes.append(try count(local.rowCount * range.count))
      starts.append(try count(end))
      for r in 0..<local.rowCount {
        (packed.base + end + r * range.count).update(from: local.row(r) + range.lowerBound, count: range.count)
      }
      end += local.rowCount * range.count
    }
    let (counts, places) = (transfer.keep(sizes), transfer.keep(starts))
    let incoming = transfer.keep(try partition.slices.map { try count($0.count * mine.columnCount) })
    let targets = transfer.keep(try partition.slices.map { try count($0.lowerBound * mine.columnCount) })
    try transfer.start(floats: end) {
      MPI_Ialltoallv(
        packed.base, counts, places, cmpi_float(), mine.start, incoming, targets, cmpi_float(), communicator, $0)
    }
    return transfer
  }

  package func startShareRows(of matrix: Matrix, rows: [Range<Int>]) throws -> any Transfer {
    precondition(matrix.isContiguous && rows.count == rankCount && rows.last?.upperBound == matrix.rowCount)
    let transfer = MPITransfer(self, "MPI_Iallgatherv of units", keeping: [matrix.storage])
    let counts = transfer.keep(try rows.map { try count($0.count * matrix.columnCount) })
    let places = transfer.keep(try rows.map { try count($0.lowerBound * matrix.columnCount) })
    try transfer.start(floats: Int(counts[rank])) {
      MPI_Iallgatherv(
        cmpi_in_place(), 0, cmpi_float(), matrix.start, counts, places, cmpi_float(), communicator, $0)
    }
    return transfer
  }

  fileprivate func countTransfer(_ change: Int) {
    if transfersUnderWay == 0 { underWaySince = Profile.shared.begin() }
    transfersUnderWay += change
    if transfersUnderWay == 0 { Profile.shared.addInFlight(since: underWaySince) }
  }

  package func poll() -> Bool {
    guard transfersUnderWay > 0 else { return false }
    let start = Profile.shared.begin()
    var flag: Int32 = 0
    // Any call lets all requests move on; this one asks after nothing. An error shows when a transfer is finished.
    MPI_Iprobe(cmpi_any_source(), cmpi_any_tag(), communicator, &flag, cmpi_status_ignore())
    Profile.shared.end(start, .communication, "polls")
    return true
  }

  /// A buffer that an earlier exchange has done with, or a new one: fresh pages cost more than the copy into them.
  private func sendBuffer(_ count: Int) -> FloatStorage {
    sendBuffers[count]?.popLast() ?? FloatStorage(count: count)
  }
}

/// A non-blocking collective and what it needs until it is complete.
private final class MPITransfer: Transfer {
  private let owner: MPICommunicator
  private let call: StaticString
  private var storages: [FloatStorage]
  private let whenDone: () -> Void
  private var arrays: [UnsafeMutablePointer<Int32>] = []
  private let request = UnsafeMutablePointer<MPI_Request?>.allocate(capacity: 1)
  private var isUnderWay = false

  init(
    _ owner: MPICommunicator, _ call: StaticString, keeping storages: [FloatStorage],
    whenDone: @escaping () -> Void = {}
  ) {
    self.whenDone = whenDone
    self.owner = owner
    self.call = call
    self.storages = storages
    request.initialize(to: nil)
  }

  deinit {
    // Only after an error: MPI may still write into the matrices, so they stay.
    guard !isUnderWay else { return storages.forEach { _ = Unmanaged.passRetained($0) } }
    arrays.forEach { $0.deallocate() }
    request.deallocate()
  }

  /// MPI reads counts and displacements until the end.
  func keep(_ values: [Int32]) -> UnsafeMutablePointer<Int32> {
    let copy = UnsafeMutablePointer<Int32>.allocate(capacity: max(values.count, 1))
    copy.initialize(from: values, count: values.count)
    arrays.append(copy)
    return copy
  }

  func start(floats: Int, _ body: (UnsafeMutablePointer<MPI_Request?>) -> Int32) throws {
    try owner.timed(call, floats: floats) { body(request) }
    isUnderWay = true
    owner.countTransfer(1)
  }

  func finish() throws {
    guard isUnderWay else { return }
    isUnderWay = false
    try owner.timed(call, floats: 0) { MPI_Wait(request, cmpi_status_ignore()) }
    owner.countTransfer(-1)
    whenDone()
    storages = []
  }
}
