import CLibFuzzer
import Foundation
import Fuzzing

// libFuzzer with one of the readers: fuzz READER [libFuzzer's arguments…]; without a reader it lists them. See launch/fuzz.

/// libFuzzer's callback can capture nothing.
nonisolated(unsafe) var reader = FuzzedReader.npy

/// Ends as libFuzzer expects it, which then keeps the input.
func fail(_ finding: FuzzFinding) -> Never {
  FileHandle.standardError.write(Data("fuzz: \(reader.rawValue): \(finding)\n".utf8))
  abort()
}

guard CommandLine.arguments.count > 1 else {
  print(FuzzedReader.allCases.map(\.rawValue).joined(separator: "\n"))
  exit(0)
}
guard let chosen = FuzzedReader(rawValue: CommandLine.arguments[1]) else { exit(64) }
reader = chosen

var arguments = CommandLine.arguments.enumerated().filter { $0.offset != 1 }.map { strdup($0.element) } + [nil]
var count = Int32(arguments.count - 1)
arguments.withUnsafeMutableBufferPointer { pointers in
  var start = pointers.baseAddress
  let status = LLVMFuzzerRunDriver(&count, &start) { bytes, count in
    let input = [UInt8](UnsafeBufferPointer(start: bytes, count: count))
    memory_count_start()
    do { try reader.check(input) } catch let finding as FuzzFinding { fail(finding) } catch {
      preconditionFailure("\(error)")
    }
    let peak = memory_count_peak()
    if peak > FuzzedReader.mostMemory(fileSize: count) { fail(.memory(peak: peak, fileSize: count)) }
    return 0
  }
  exit(status)
}
