/// Damages files with their structure in mind: numbers that count or place something become others that may do harm, parts are moved,
/// repeated, left out, or come from another file. Everything follows from the seed.
package struct Mutator {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  /// SplitMix64.
  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  /// 0 ..< `bound`; 0 where that is empty.
  package mutating func below(_ bound: Int) -> Int { bound > 0 ? Int(next() % UInt64(bound)) : 0 }

  /// One of the files, damaged in one to six places.
  ///
  /// - Parameter longest: bytes beyond are cut off.
  package mutating func mutant(of corpus: [[UInt8]], longest: Int) -> [UInt8] {
    var bytes = corpus[below(corpus.count)]
    for _ in 0...below(6) {
      damage(&bytes, other: corpus[below(corpus.count)])
      if bytes.count > longest { bytes.removeLast(bytes.count - longest) }
    }
    return bytes
  }

  private mutating func damage(_ bytes: inout [UInt8], other: [UInt8]) {
    guard !bytes.isEmpty else { return bytes = other }
    let place = self.place(bytes.count)
    switch below(12) {
    case 0: bytes[place] ^= 1 << UInt8(below(8))
    case 1: bytes[place] = UInt8(below(256))
    case 2...4: overwriteNumber(in: &bytes, at: place)
    case 5: bytes.removeLast(bytes.count - place)
    case 6: bytes.removeSubrange(place..<min(bytes.count, place + 1 + below(16)))
    case 7:
      let from = below(bytes.count)
      bytes.insert(contentsOf: Array(bytes[from..<min(bytes.count, from + 1 + below(64))]), at: place)
    case 8:
      let from = below(bytes.count)
      let part = Array(bytes[from..<min(bytes.count, from + 1 + below(64))])
      for (i, byte) in part.enumerated() where place + i < bytes.count { bytes[place + i] = byte }
    case 9: if !other.isEmpty { bytes = Array(bytes[..<place] + other[below(other.count)...]) }
    case 10: changeDigits(in: &bytes, at: place)
    default: for i in place..<min(bytes.count, place + 1 + below(8)) { bytes[i] = [0, 255][below(2)] }
    }
  }

  /// Headers are at the start, and tables of contents at the end.
  private mutating func place(_ count: Int) -> Int {
    switch below(4) {
    case 0: below(min(count, 256))
    case 1: count - 1 - below(min(count, 256))
    default: below(count)
    }
  }

  /// A number of 1, 2, 4 or 8 bytes: a limit of its type, one of those near the size of the file, or a neighbour or double of what it was.
  private mutating func overwriteNumber(in bytes: inout [UInt8], at place: Int) {
    let width = min(1 << below(4), bytes.count - place)
    let isBigEndian = below(8) == 0
    func index(_ i: Int) -> Int { isBigEndian ? place + width - 1 - i : place + i }
    let old = (0..<width).reduce(UInt64(0)) { $0 | UInt64(bytes[index($1)]) << UInt64(8 * $1) }
    let count = UInt64(bytes.count)
    let values: [UInt64] = [
      0, 1, 2, .max, .max - 1, 1 << 63, 1 << 63 - 1, 1 << 62, 1 << 32, 1 << 32 - 1, 1 << 31, 1 << 31 - 1, 1 << 16,
      1 << 24, count, count &- 1, count + 1, old &+ 1, old &- 1, old &* 2, old / 2, old &* 256, 0 &- old,
      UInt64(below(bytes.count)), UInt64(below(bytes.count)), 1 << UInt64(below(64)),
    ]
    let value = values[below(values.count)]
    for i in 0..<width { bytes[index(i)] = UInt8(truncatingIfNeeded: value >> UInt64(8 * i)) }
  }

  /// The next decimal number of a text becomes another.
  private mutating func changeDigits(in bytes: inout [UInt8], at place: Int) {
    func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    guard let start = bytes[place...].firstIndex(where: isDigit) else { return }
    let end = bytes[start...].firstIndex { !isDigit($0) } ?? bytes.count
    let numbers = [
      "0", "-1", "1", "007", "9223372036854775807", "9223372036854775808", "18446744073709551616", "1e999", "-0",
      "4294967296", "2147483647", "99999999", "1.5", "nan",
    ]
    bytes.replaceSubrange(start..<end, with: Array(numbers[below(numbers.count)].utf8))
  }
}
