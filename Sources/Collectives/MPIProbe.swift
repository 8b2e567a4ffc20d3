// What a check of a set-up asks of MPI, beyond what training needs.
import CMPI
import Glibc
import Matrices

extension MPICommunicator {
  /// E.g. "Open MPI v4.1.4".
  package static var libraryVersion: String {
    var text = [CChar](repeating: 0, count: 8192)
    var length: Int32 = 0
    guard MPI_Get_library_version(&text, &length) == 0 else { return "unknown" }
    let whole = String(decoding: text.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return String(whole.prefix { $0 != "," })
  }

  /// Ranks that the launcher's environment speaks of, and the variable that does; nil without a launcher. Where it is not the number
  /// of ranks that found each other, the launcher belongs to another MPI. Read once, like `launchedRank`.
  package static let announcedRanks: (count: Int, variable: String)? = {
    // Slurm's own step of mpirun's daemons, one per host, is not meant: there Open MPI's variables exist.
    for name in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"] {
      if let value = getenv(name), let count = Int(String(cString: value)) { return (count, name) }
    }
    return nil
  }()

  /// Whether the launcher placed ranks on other hosts too; known before they are met.
  package static var isLaunchedOnSeveralHosts: Bool {
    guard let size = getenv("OMPI_COMM_WORLD_SIZE"), let here = getenv("OMPI_COMM_WORLD_LOCAL_SIZE") else {
      return false
    }
    return strcmp(size, here) != 0
  }

  /// Sends floats to a peer and gets as many back; the peer calls it with `answers`.
  ///
  /// - Throws: `CollectiveError`.
  package func roundTrip(with peer: Int, _ floats: FloatStorage, answers: Bool) throws {
    let (count, other) = (Int32(floats.count), Int32(peer))
    for sends in [!answers, answers] {
      if sends {
        try check(MPI_Send(floats.base, count, cmpi_float(), other, 7, communicator), "MPI_Send")
      } else {
        try check(
          MPI_Recv(floats.base, count, cmpi_float(), other, 7, communicator, cmpi_status_ignore()), "MPI_Recv")
      }
    }
  }

  /// An address of this process that others may try to read 8 bytes from.
  package static let readableAddress: UInt = {
    let place = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
    place.initialize(to: 0x6365_677a_736c)
    return UInt(bitPattern: place)
  }()

  /// Whether the system lets this process read another one's memory, which is how ranks of a host pass large messages.
  package static func canRead(process: Int32, address: UInt) -> Bool {
    var value: UInt64 = 0
    return cmpi_read_process(process, UnsafeMutableRawPointer(bitPattern: address), &value, 8) == 8
  }
}
