import Files
import Foundation
import Glibc
import Kernels
import Matrices

extension RankFacts {
  /// What this process can find out by itself, before it meets others.
  ///
  /// - Parameters:
  ///   - rank: as the launcher numbers it.
  ///   - version: of cegzsl; `binary`: its SHA-256.
  ///   - threadsAreChosen: by an option.
  package static func ofThisProcess(rank: Int, version: String, binary: String, threadsAreChosen: Bool) -> RankFacts {
    var facts = RankFacts()
    facts.rank = rank
    facts.host = hostName()
    facts.process = getpid()
    facts.program.version = version
    facts.program.binary = binary
    facts.program.products = ProductLibrary.version
    facts.program.instructionSet = VectorLoops.instructionSet
    facts.processors.allowed = ThreadPool.boundProcessors ?? allowedProcessors("self") ?? []
    facts.processors.allocated = launcherProcessors() ?? facts.processors.allowed
    facts.processors.threads = ThreadPool.threadCount
    facts.processors.threadsAreChosen = threadsAreChosen || environment("OMP_NUM_THREADS") != nil
    facts.processors.slurmPerTask = environment("SLURM_CPUS_PER_TASK").flatMap { Int($0) }
    facts.network.interfaces = interfacesUp()
    facts.network.included = entries("btl_tcp_if_include")
    facts.network.excluded = entries("btl_tcp_if_exclude")
    facts.sharedMemory.free = freeBytes("/dev/shm")
    facts.sharedMemory.singleCopy = singleCopy()
    return facts
  }
}

private func environment(_ name: String) -> String? {
  ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
}

/// "none" where direct copies between ranks were switched off, with Open MPI 4's parameter or with 5's.
private func singleCopy() -> String {
  if environment("OMPI_MCA_smsc")?.hasPrefix("^cma") ?? false { return "none" }
  return environment("OMPI_MCA_btl_vader_single_copy_mechanism") ?? ""
}

private func entries(_ parameter: String) -> [String] {
  (environment("OMPI_MCA_" + parameter) ?? "").split(separator: ",").map(String.init)
}

/// "0-3,8" → [0, 1, 2, 3, 8]; entries that are no numbers are left out.
package func processorList(_ text: String) -> [Int] {
  text.split(separator: ",").flatMap { part -> [Int] in
    let ends = part.split(separator: "-").compactMap { Int($0) }
    guard let first = ends.first, let last = ends.last, first <= last, last - first < 1 << 16 else { return [] }
    return Array(first...last)
  }
}

private func field(_ name: String, ofProcess process: String) -> String? {
  let text = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
  return text.split(separator: "\n").first { $0.hasPrefix(name + ":") }.map {
    $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces)
  }
}

private func allowedProcessors(_ process: String) -> [Int]? {
  field("Cpus_allowed_list", ofProcess: process).map(processorList)
}

/// Of the nearest ancestor that starts ranks: it is not bound itself, but stays within what the batch system gave.
private func launcherProcessors() -> [Int]? {
  var process = "self"
  for _ in 0..<16 {
    guard let parent = field("PPid", ofProcess: process), parent != "0" else { return nil }
    process = parent
    let name = field("Name", ofProcess: process) ?? ""
    if ["mpirun", "mpiexec", "orterun", "orted", "prte", "prted", "prterun"].contains(name) {
      return allowedProcessors(process)
    }
  }
  return nil
}

private func freeBytes(_ path: String) -> Int {
  var status = statvfs()
  guard statvfs(path, &status) == 0 else { return 0 }
  return Int(status.f_bavail) * Int(status.f_frsize)
}

/// IPv4 addresses of interfaces that are up.
private func interfacesUp() -> [NetworkInterface] {
  var head: UnsafeMutablePointer<ifaddrs>?
  guard getifaddrs(&head) == 0 else { return [] }
  defer { freeifaddrs(head) }
  var result: [NetworkInterface] = []
  var next = head
  while let entry = next?.pointee {
    next = entry.ifa_next
    guard entry.ifa_flags & UInt32(IFF_UP) != 0, let address = ipv4(entry.ifa_addr) else { continue }
    let mask = ipv4(entry.ifa_netmask) ?? ~0
    result.append(
      NetworkInterface(name: String(cString: entry.ifa_name), address: address, prefixLength: mask.nonzeroBitCount))
  }
  return result
}

private func ipv4(_ address: UnsafeMutablePointer<sockaddr>?) -> UInt32? {
  guard let address, Int32(address.pointee.sa_family) == AF_INET else { return nil }
  return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { UInt32(bigEndian: $0.pointee.sin_addr.s_addr) }
}

extension DirectoryFacts {
  /// A folder with data, or a file that holds everything: whether it can be read, and what is in it.
  package static func ofData(_ path: String) -> DirectoryFacts {
    var facts = DirectoryFacts()
    facts.path = path
    do {
      // Through links, as the data are read.
      let isFile = (try? PosixStorage().kind(of: (path as NSString).resolvingSymlinksInPath)) == .file
      let files = try isFile ? [path] : PosixStorage().entries(of: path).sorted().map { path + "/" + $0 }
      for file in files {
        let attributes = try FileManager.default.attributesOfItem(atPath: file)
        facts.listing.append("\((file as NSString).lastPathComponent) (\((attributes[.size] as? Int) ?? 0) bytes)")
        if access(file, R_OK) != 0 { facts.problem = "\(file) cannot be read: \(StorageError.text(errno))" }
      }
    } catch { facts.problem = "\(error)" }
    return facts
  }
}
