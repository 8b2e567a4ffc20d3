// The exchanges of a training step: begun without blocking, finished when their floats are needed.
import CMPI
import Matrices
import Profiling

extension MPICommunicator {
  package func startSend(_ matrices: [Matrix], to rank: Int, _ exchange: Exchange) throws -> any Transfer {
    let transfer = MPITransfer(self, "MPI_Isend", keeping: matrices.map(\.storage))
    if marksMessages { transfer.mark = messageDigest(matrices) }
    let message = try transfer.message(matrices)
    try transfer.start(floats: matrices.reduce(0) { $0 + $1.count }) {
      MPI_Isend(cmpi_bottom(), 1, message, Int32(rank), Int32(1 + exchange.channel.rawValue), communicator, $0)
    }
    return transfer
  }

  package func startReceive(_ matrices: [Matrix], from rank: Int, _ exchange: Exchange) throws -> any Transfer {
    let transfer = MPITransfer(self, "MPI_Irecv", keeping: matrices.map(\.storage))
    transfer.received = (matrices, rank, exchange)
    let message = try transfer.message(matrices)
    try transfer.start(floats: 0) {
      MPI_Irecv(cmpi_bottom(), 1, message, Int32(rank), Int32(1 + exchange.channel.rawValue), communicator, $0)
    }
    return transfer
  }

  package func startHostBarrier(_ exchange: Exchange) throws -> any Transfer {
    guard hosts.ranks[hosts.host(of: rank)].count > 1 else { return NoTransfer() }
    let transfer = MPITransfer(self, "MPI_Ibarrier of a host", keeping: [])
    try transfer.start(floats: 0) { MPI_Ibarrier(hostChannels[exchange.channel.rawValue], $0) }
    return transfer
  }

  fileprivate func countTransfer(_ change: Int) {
    if transfersUnderWay == 0 { underWaySince = Profile.current.begin() }
    transfersUnderWay += change
    if transfersUnderWay == 0 { Profile.current.addInFlight(since: underWaySince) }
  }

  package func poll() -> Bool {
    guard transfersUnderWay > 0 else { return false }
    let start = Profile.current.beginLooking()
    var flag: Int32 = 0
    // Any call lets all requests move on; this one asks after nothing. An error shows when a transfer is finished.
    MPI_Iprobe(cmpi_any_source(), cmpi_any_tag(), communicator, &flag, cmpi_status_ignore())
    Profile.current.end(start, .communication, "polls")
    return true
  }
}

/// A non-blocking operation and what it needs until it is complete.
private final class MPITransfer: Transfer {
  private let owner: MPICommunicator
  private let call: StaticString
  private var storages: [FloatStorage]
  private let request = UnsafeMutablePointer<MPI_Request?>.allocate(capacity: 1)
  private var type: MPI_Datatype?
  private var isUnderWay = false
  /// Travels behind the matrices: their digest, or 0.
  private let markPlace = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
  var mark: UInt64 {
    get { markPlace.pointee }
    set { markPlace.pointee = newValue }
  }
  /// Of what comes from where; nil for all else.
  var received: (matrices: [Matrix], sender: Int, exchange: Exchange)?

  init(_ owner: MPICommunicator, _ call: StaticString, keeping storages: [FloatStorage]) {
    self.owner = owner
    self.call = call
    self.storages = storages
    request.initialize(to: nil)
    markPlace.initialize(to: 0)
  }

  deinit {
    // Only after an error: MPI may still write into the matrices, so they stay.
    guard !isUnderWay else { return storages.forEach { _ = Unmanaged.passRetained($0) } }
    request.deallocate()
    markPlace.deallocate()
  }

  /// Matrices wherever they lie, as one datatype. MPI keeps what it needs of it.
  func message(_ matrices: [Matrix]) throws -> MPI_Datatype? {
    var (lengths, places, types): ([Int32], [MPI_Aint], [MPI_Datatype?]) = ([], [], [])
    for matrix in matrices where matrix.count > 0 {
      var type: MPI_Datatype?
      try owner.check(
        MPI_Type_vector(
          try owner.count(matrix.rowCount), try owner.count(matrix.columnCount), try owner.count(matrix.rowStride),
          cmpi_float(), &type), "MPI_Type_vector")
      lengths.append(1)
      places.append(Int(bitPattern: matrix.start))
      types.append(type)
    }
    // As floats, like all that travels.
    lengths.append(2)
    places.append(Int(bitPattern: markPlace))
    types.append(cmpi_float())
    var message: MPI_Datatype?
    try owner.check(
      MPI_Type_create_struct(Int32(types.count), lengths, places, types, &message), "MPI_Type_create_struct")
    try owner.check(MPI_Type_commit(&message), "MPI_Type_commit")
    for var type in types.dropLast() { MPI_Type_free(&type) }
    type = message
    return message
  }

  func start(floats: Int, _ body: (UnsafeMutablePointer<MPI_Request?>) -> Int32) throws {
    defer {
      // MPI keeps it as long as the operation needs it.
      if type != nil { MPI_Type_free(&type) }
      type = nil
    }
    try owner.timed(call, floats: floats) { body(request) }
    isUnderWay = true
    owner.countTransfer(1)
  }

  func isComplete() throws -> Bool {
    guard isUnderWay else { return true }
    var flag: Int32 = 0
    try owner.check(MPI_Test(request, &flag, cmpi_status_ignore()), "\(call)")
    if flag != 0 { try complete() }
    return flag != 0
  }

  func finish() throws {
    guard isUnderWay else { return }
    try owner.timed(call, floats: 0) { MPI_Wait(request, cmpi_status_ignore()) }
    try complete()
  }

  private func complete() throws {
    isUnderWay = false
    owner.countTransfer(-1)
    storages = []
    defer { received = nil }
    guard let received, mark != 0, mark != messageDigest(received.matrices) else { return }
    throw MessageFault(
      name: "the \(received.exchange.channel) of \(received.exchange.name)", sender: received.sender,
      senderHost: owner.hostNames[received.sender],
      receiver: owner.rank, receiverHost: owner.host)
  }
}
