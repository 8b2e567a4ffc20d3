import Foundation
import Fuzzing
import Testing

/// Thousands of damaged files for each reader, drawn from a fixed seed: none may trap, throw what is not reported, or take more
/// memory than the file justifies. In a process of its own, whose memory is nobody else's and whose trap is a failed test.
///
///     CEGZSL_FUZZ_SEED=N swift test --filter MutationTests      those of another seed
///     launch/fuzz READER                                        guided by what code they reach
@Suite struct MutationTests {
  @Test func mutantsAreReadOrRefused() async {
    let log = MutationRun.log(parent: getpid())
    defer { unlink(log) }
    let ended = await #expect(processExitsWith: .success) { try MutationRun.all() }
    if ended == nil { Issue.record("\((try? String(contentsOfFile: log, encoding: .utf8))?.suffix(4000) ?? "no log")") }
  }

  /// What follows from a seed is the same everywhere, or a printed one would be of no use.
  @Test func mutantsFollowFromTheSeed() {
    func mutants(_ seed: UInt64) -> [[UInt8]] {
      var mutator = Mutator(seed: seed)
      return (0..<50).map { _ in
        mutator.mutant(of: [Array("{\"a\": 12}".utf8), [1, 2, 3, 4, 5, 6, 7, 8]], longest: 64)
      }
    }
    #expect(mutants(5) == mutants(5) && mutants(5) != mutants(6))
    #expect(mutants(5).allSatisfy { $0.count <= 64 })
  }
}

/// The runs of one process.
enum MutationRun {
  /// Mutants of each reader.
  private static let count = 2000
  private static let longest = 16384

  /// What a process of it says, also in its last moment: a failed one returns nothing to the test.
  static func log(parent: pid_t) -> String { NSTemporaryDirectory() + "/cegzsl-mutants-\(parent).log" }

  static func all() throws {
    let file = open(log(parent: getppid()), O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    precondition(file >= 0 && dup2(file, 2) == 2)
    let environment = ProcessInfo.processInfo.environment["CEGZSL_FUZZ_SEED"].flatMap(UInt64.init)
    // The same files every time: launch/fuzz looks for new ones.
    let seed = environment ?? 1
    say("CEGZSL_FUZZ_SEED=\(seed)")
    Trap.report()
    var memory = PeakMemory()
    if let taken = memory.taken({ withExtendedLifetime([UInt8](repeating: 1, count: 100 << 20)) {} }) {
      // Kernels count pages for each processor, and add up now and then.
      precondition(taken >= 90 << 20, "\(taken) bytes are seen of 100 MiB")
    } else {
      say("memory is NOT looked at: there is no /proc/self/clear_refs here")
    }
    for reader in FuzzedReader.allCases { try run(reader, seed: seed) }
  }

  private static func run(_ reader: FuzzedReader, seed: UInt64) throws {
    let corpus = try files(of: reader)
    precondition(!corpus.isEmpty, "no corpus for \(reader)")
    say("reading mutants as \(reader.rawValue)")
    for file in corpus { try reader.check(file) }
    var mutator = Mutator(seed: seed)
    var memory = PeakMemory()
    for number in 0..<count {
      let mutant = mutator.mutant(of: corpus, longest: longest)
      Trap.mutant = Int32(number)
      let taken = try memory.taken { try reader.check(mutant) }
      if let taken, taken > FuzzedReader.mostMemory(fileSize: mutant.count) {
        say("mutant \(number) of \(reader.rawValue): \(FuzzFinding.memory(peak: taken, fileSize: mutant.count))")
        exit(1)
      }
    }
  }

  static func files(of reader: FuzzedReader) throws -> [[UInt8]] {
    let folder = URL(fileURLWithPath: Bundle.module.resourcePath ?? "")
      .appendingPathComponent("Corpus/\(reader.rawValue)")
    return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .sorted { $0.path < $1.path }.map { Array(try Data(contentsOf: $0)) }
  }

  static func say(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}

/// Says which mutant it was, before a trap ends the process.
private enum Trap {
  nonisolated(unsafe) static var mutant: Int32 = -1

  static func report() {
    mutant = -1
    for number in [SIGILL, SIGTRAP, SIGSEGV, SIGABRT] {
      signal(number) { caught in
        // Nothing else is safe here.
        var (digits, left) = (UInt64(0), Trap.mutant)
        withUnsafeMutableBytes(of: &digits) { text in
          for place in (0..<5).reversed() {
            text[place] = UInt8(48 + left % 10)
            left /= 10
          }
          text[5] = 10
          _ = write(2, "trap at mutant ", 15)
          _ = write(2, text.baseAddress, 6)
        }
        signal(caught, SIG_DFL)
        raise(caught)
      }
    }
  }
}

/// The most memory that this process has, by what the kernel counts; of no use while others compute in it.
struct PeakMemory {
  /// Bytes beyond those of before; nil where the kernel cannot say.
  mutating func taken(_ body: () throws -> Void) rethrows -> Int? {
    // 5: the peak is counted anew from here.
    let isReset = (try? Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs"))) != nil
    let before = Self.peak()
    try body()
    guard isReset, let before, let after = Self.peak() else { return nil }
    return after - before
  }

  private static func peak() -> Int? {
    guard let file = fopen("/proc/self/status", "r") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
      guard strncmp(line, "VmHWM:", 6) == 0 else { continue }
      return line[6...].withUnsafeBufferPointer { strtol($0.baseAddress!, nil, 10) } * 1024
    }
    return nil
  }
}
