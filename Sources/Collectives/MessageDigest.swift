import Matrices

/// A message has arrived with other bits than were sent.
package struct MessageFault: ReportableError, Equatable {
  package let name: String
  package let sender: Int
  package let senderHost: String
  package let receiver: Int
  package let receiverHost: String

  package var exitStatus: ExitStatus { .ranksDiverged }
  package var description: String {
    "What rank \(sender) on \(senderHost) sent as \(name) is not what arrived at rank \(receiver) on \(receiverHost). The network between "
      + "these hosts, or the memory of one of them, is faulty. Nothing was saved since the last checkpoint: resume from it without them."
  }
}

/// Of the bits of matrices and their order, never 0: any single float that differs makes another one. Sums of words and sums of those sums,
/// as in Fletcher's checksum, in as many lanes as pass at the speed of memory.
func messageDigest(_ matrices: [Matrix]) -> UInt64 {
  typealias Lanes = SIMD16<UInt32>
  var (sums, sumsOfSums) = (Lanes(repeating: 1), Lanes())
  for matrix in matrices {
    for r in 0..<matrix.rowCount {
      let row = UnsafeRawPointer(matrix.row(r))
      let whole = matrix.columnCount & ~(Lanes.scalarCount - 1)
      for c in stride(from: 0, to: whole, by: Lanes.scalarCount) {
        sums &+= row.loadUnaligned(fromByteOffset: 4 * c, as: Lanes.self)
        sumsOfSums &+= sums
      }
      var rest = Lanes()
      for c in whole..<matrix.columnCount { rest[c - whole] = row.load(fromByteOffset: 4 * c, as: UInt32.self) }
      sums &+= rest
      sumsOfSums &+= sums
    }
  }
  var digest: UInt64 = 0xCBF2_9CE4_8422_2325
  for lane in 0..<Lanes.scalarCount {
    digest = (digest ^ (UInt64(sums[lane]) << 32 | UInt64(sumsOfSums[lane]))) &* 0x9E37_79B9_7F4A_7C15
  }
  return max(digest, 1)
}
