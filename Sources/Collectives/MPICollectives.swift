// The operations in which all ranks meet and wait for each other.
import CMPI
import Matrices
import Profiling

extension MPICommunicator {
  /// Elements per broadcast; counts are C ints there.
  private static let bucketElements = 1 << 22

  private func buckets(_ range: Range<Int>) -> [Range<Int>] {
    stride(from: range.lowerBound, to: range.upperBound, by: Self.bucketElements).map {
      $0..<min($0 + Self.bucketElements, range.upperBound)
    }
  }

  package func sum(_ values: [Double]) throws -> [Double] {
    var result = values
    try timed("MPI_Allreduce", floats: 2 * values.count) {
      MPI_Allreduce(cmpi_in_place(), &result, Int32(values.count), cmpi_double(), cmpi_sum(), communicator)
    }
    return result
  }

  package func sum(_ values: [Int]) throws -> [Int] { try reduce(values, cmpi_sum()) }
  package func maximum(_ value: Int) throws -> Int { try reduce([value], cmpi_max())[0] }

  private func reduce(_ values: [Int], _ operation: MPI_Op?) throws -> [Int] {
    var result = values.map(Int64.init)
    try waiting("MPI_Allreduce") {
      MPI_Allreduce(cmpi_in_place(), &result, Int32(values.count), cmpi_int64(), operation, communicator)
    }
    return result.map(Int.init)
  }

  package func gatherRows(_ local: Matrix, into all: Matrix, partition: RowPartition) throws {
    try gatherRows(local, into: all, partition: partition, toAll: true)
  }

  package func gatherRowsToRoot(_ local: Matrix, into all: Matrix, partition: RowPartition) throws {
    try gatherRows(local, into: all, partition: partition, toAll: false)
  }

  /// In rounds of so many rows per rank that the elements of all ranks fit one bucket's count; counts are C ints.
  private func gatherRows(_ local: Matrix, into all: Matrix, partition: RowPartition, toAll: Bool) throws {
    precondition(partition.rankCount == rankCount && local.rowCount == partition.slice(of: rank).count)
    precondition(local.isContiguous, "only contiguous rows are gathered")
    if toAll || isRoot {
      precondition(all.isContiguous && all.rowCount == partition.rowCount && all.columnCount == local.columnCount)
    }
    let columns = max(local.columnCount, 1)
    let rowsPerRound = max(1, (1 << 27) / (columns * rankCount))
    for round in stride(from: 0, to: max(partition.largestSlice, 1), by: rowsPerRound) {
      var counts: [Int32] = []
      var displacements: [Int] = []
      for slice in partition.slices {
        let rows = max(0, min(rowsPerRound, slice.count - round))
        counts.append(Int32(rows * columns))
        displacements.append((slice.lowerBound + round) * columns)
      }
      // Displacements are ints too: gather the round next to each other, unless the whole fits.
      let own = local.start + min(round, local.rowCount) * columns
      if displacements.allSatisfy({ $0 <= Int(Int32.max) }) {
        let places = displacements.map { Int32($0) }
        try gatherOnce(own, counts, all.start, places, toAll)
      } else {
        let total = counts.reduce(0) { $0 + Int($1) }
        let packed = FloatStorage(count: toAll || isRoot ? total : 0)
        var places: [Int32] = []
        var end: Int32 = 0
        for count in counts {
          places.append(end)
          end += count
        }
        try gatherOnce(own, counts, packed.base, places, toAll)
        guard toAll || isRoot else { continue }
        for r in 0..<rankCount {
          (all.start + displacements[r]).update(from: packed.base + Int(places[r]), count: Int(counts[r]))
        }
      }
    }
  }

  private func gatherOnce(
    _ own: UnsafePointer<Float>, _ counts: [Int32], _ target: UnsafeMutablePointer<Float>, _ places: [Int32],
    _ toAll: Bool
  ) throws {
    if toAll {
      try timed("MPI_Allgatherv", floats: Int(counts[rank])) {
        MPI_Allgatherv(own, counts[rank], cmpi_float(), target, counts, places, cmpi_float(), communicator)
      }
    } else {
      try waiting("MPI_Gatherv") {
        MPI_Gatherv(own, counts[rank], cmpi_float(), target, counts, places, cmpi_float(), 0, communicator)
      }
    }
  }

  /// MPI counts in C ints.
  func count(_ value: Int) throws -> Int32 {
    guard let result = Int32(exactly: value) else {
      throw CollectiveError(
        call: "exchange of \(value) elements", code: 0, text: "MPI counts to 2^31 only; use a smaller --batch-size",
        rank: rank, host: host)
    }
    return result
  }

  package func broadcast(_ storage: FloatStorage) throws {
    for bucket in buckets(0..<storage.count) {
      try waiting("MPI_Bcast") {
        MPI_Bcast(storage.base + bucket.lowerBound, Int32(bucket.count), cmpi_float(), 0, communicator)
      }
    }
  }

  package func broadcast(_ bytes: [UInt8]) throws -> [UInt8] {
    var count = Int64(bytes.count)
    try waiting("MPI_Bcast") {
      MPI_Bcast(&count, 1, cmpi_int64(), 0, communicator)
    }
    precondition(count <= Int64(Int32.max), "\(count) bytes in one broadcast")
    var result = isRoot ? bytes : [UInt8](repeating: 0, count: Int(count))
    try waiting("MPI_Bcast") {
      MPI_Bcast(&result, Int32(count), cmpi_byte(), 0, communicator)
    }
    return result
  }

  package func gather(_ bytes: [UInt8]) throws -> [[UInt8]] {
    var counts = [Int32](repeating: 0, count: rankCount)
    counts[rank] = Int32(bytes.count)
    try waiting("MPI_Allgather") {
      MPI_Allgather(cmpi_in_place(), 0, cmpi_byte(), &counts, 4, cmpi_byte(), communicator)
    }
    var places: [Int32] = []
    var end: Int32 = 0
    for count in counts {
      places.append(end)
      end += count
    }
    var all = [UInt8](repeating: 0, count: Int(end))
    try waiting("MPI_Allgatherv") {
      MPI_Allgatherv(bytes, counts[rank], cmpi_byte(), &all, counts, places, cmpi_byte(), communicator)
    }
    return (0..<rankCount).map { r in Array(all[Int(places[r])..<Int(places[r] + counts[r])]) }
  }
}
