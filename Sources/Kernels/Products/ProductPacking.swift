// How the factors of a product are packed for `LoopsAVX2/ProductLoop.swift`: strips of six rows of the left one, panels of W columns
// of the right one, each so that the loop over the sum's terms reads memory from one end to the other. K terms.
//
//   left factor, M×K                       strip: term after term, six floats each
//     a00 a01 a02 …  ┐                       a00 a10 a20 a30 a40 a50 | a01 a11 a21 … | a02 …
//     a10 a11 a12 …  │ six rows
//     …              ┘
//   right factor, K×N                      panel: term after term, W floats each
//     b00 … b0,W−1 | b0,W …                  b00 … b0,W−1 | b10 … b1,W−1 | b20 …
//     b10 … b1,W−1 | b1,W …
//
// A factor that lies in memory the other way round (A·Bᵀ, Aᵀ·B) is packed into the same shape. Beyond the last row or column
// something is packed too (the last one again, or zeros), and nobody looks at what becomes of it: edges take the usual way.
import CPrefetch
import Matrices

/// Rows of a strip.
let stripRows = 6

private typealias Eight = SIMD8<Float>

@inline(__always)
private func read(_ address: UnsafePointer<Float>) -> Eight {
  UnsafeRawPointer(address).loadUnaligned(as: Eight.self)
}

@inline(__always)
private func write(_ value: Eight, _ address: UnsafeMutablePointer<Float>) {
  UnsafeMutableRawPointer(address).storeBytes(of: value, as: Eight.self)
}

/// A factor as the packing sees it: line after line in memory. `areTerms`: a line is a term of the sum; else a line is a row of the
/// left factor, or a column of the right one.
struct PackedSide {
  let matrix: Matrix
  let areTerms: Bool

  /// Rows of the left factor, columns of the right one.
  var count: Int { areTerms ? matrix.columnCount : matrix.rowCount }

  /// Strip `index` of the left factor, terms of a block: terms×6.
  func packStrip(_ index: Int, terms: Range<Int>, into target: UnsafeMutablePointer<Float>) {
    let first = index &* stripRows
    if areTerms {
      copyLines(first: first, width: stripRows, terms: terms, into: target)
    } else {
      transposeStrip(first: first, terms: terms, into: target)
    }
  }

  /// Panels of the right factor, terms of a block: terms×W each, one behind the other.
  func packPanels(_ panels: Range<Int>, width: Int, terms: Range<Int>, into target: UnsafeMutablePointer<Float>) {
    let panelFloats = width &* terms.count
    guard areTerms else {
      for (place, panel) in panels.enumerated() {
        transposePanel(first: panel &* width, width: width, terms: terms, into: target + place &* panelFloats)
      }
      return
    }
    // Four cache lines of a term at once: the memory reads ahead.
    let whole = panels.clamped(to: 0..<matrix.columnCount / width)
    let together = max(1, 64 / width)
    for first in stride(from: whole.lowerBound, to: whole.upperBound, by: together) {
      let count = min(together, whole.upperBound &- first)
      var line = UnsafePointer(matrix.row(terms.lowerBound) + first &* width)
      var target = target + (first &- panels.lowerBound) &* panelFloats
      for _ in terms {
        for panel in 0..<count {
          let (from, to) = (line + panel &* width, target + panel &* panelFloats)
          for c in stride(from: 0, to: width, by: vectorWidth) { store(load(from + c), to + c) }
        }
        line += matrix.rowStride
        target += width
      }
    }
    for panel in max(whole.upperBound, panels.lowerBound)..<max(whole.upperBound, panels.upperBound) {
      copyLines(
        first: panel &* width, width: width, terms: terms,
        into: target + (panel &- panels.lowerBound) &* panelFloats)
    }
  }

  /// Lines are terms: pieces of lines follow one another.
  @inline(__always)
  private func copyLines(first: Int, width: Int, terms: Range<Int>, into target: UnsafeMutablePointer<Float>) {
    let left = min(width, matrix.columnCount &- first)
    var (line, target) = (UnsafePointer(matrix.row(terms.lowerBound) + first), target)
    if left == stripRows {
      for _ in terms {
        UnsafeMutableRawPointer(target).storeBytes(
          of: UnsafeRawPointer(line).loadUnaligned(as: SIMD4<Float>.self), as: SIMD4<Float>.self)
        UnsafeMutableRawPointer(target + 4).storeBytes(
          of: UnsafeRawPointer(line + 4).loadUnaligned(as: SIMD2<Float>.self), as: SIMD2<Float>.self)
        line += matrix.rowStride
        target += width
      }
    } else {
      for _ in terms {
        for c in 0..<left { target[c] = line[c] }
        for c in left..<width { target[c] = 0 }
        line += matrix.rowStride
        target += width
      }
    }
  }

  /// A line of the factor; beyond the last one, the last again.
  @inline(__always)
  private func line(_ index: Int) -> UnsafePointer<Float> {
    UnsafePointer(matrix.row(min(index, matrix.rowCount &- 1)))
  }

  /// Lines are rows: six of them, eight terms at a time. A term's eight floats are written, and the next term's overwrite the last
  /// two.
  private func transposeStrip(first: Int, terms: Range<Int>, into target: UnsafeMutablePointer<Float>) {
    let (l0, l1, l2) = (line(first), line(first &+ 1), line(first &+ 2))
    let (l3, l4, l5) = (line(first &+ 3), line(first &+ 4), line(first &+ 5))
    var (k, target) = (terms.lowerBound, target)
    // One term before the end, eight floats would reach beyond the strip.
    while k &+ 9 <= terms.upperBound {
      let t = transposed(
        (read(l0 + k), read(l1 + k), read(l2 + k), read(l3 + k), read(l4 + k), read(l5 + k), Eight(), Eight()))
      write(t.0, target)
      write(t.1, target + 6)
      write(t.2, target + 12)
      write(t.3, target + 18)
      write(t.4, target + 24)
      write(t.5, target + 30)
      write(t.6, target + 36)
      write(t.7, target + 42)
      target += 8 &* stripRows
      k &+= 8
    }
    while k < terms.upperBound {
      (target[0], target[1], target[2]) = (l0[k], l1[k], l2[k])
      (target[3], target[4], target[5]) = (l3[k], l4[k], l5[k])
      target += stripRows
      k &+= 1
    }
  }

  /// Lines are columns: eight of them and eight terms at a time.
  private func transposePanel(
    first: Int, width: Int, terms: Range<Int>, into target: UnsafeMutablePointer<Float>
  ) {
    let stride = matrix.rowStride
    for group in Swift.stride(from: 0, to: width, by: 8) {
      let f = first &+ group
      let hasNext = f &+ 16 <= matrix.rowCount
      let (l0, l1, l2, l3) = (line(f), line(f &+ 1), line(f &+ 2), line(f &+ 3))
      let (l4, l5, l6, l7) = (line(f &+ 4), line(f &+ 5), line(f &+ 6), line(f &+ 7))
      var (k, target) = (terms.lowerBound, target + group)
      while k &+ 8 <= terms.upperBound {
        // The next eight lines are on their way, a cache line of each for two of these steps.
        if hasNext && (k &- terms.lowerBound) & 8 == 0 {
          for next in 8..<16 { cegzsl_prefetch(l0 + (next &* stride &+ k)) }
        }
        let t = transposed(
          (
            read(l0 + k), read(l1 + k), read(l2 + k), read(l3 + k), read(l4 + k), read(l5 + k), read(l6 + k),
            read(l7 + k)
          ))
        write(t.0, target)
        write(t.1, target + width)
        write(t.2, target + 2 &* width)
        write(t.3, target + 3 &* width)
        write(t.4, target + 4 &* width)
        write(t.5, target + 5 &* width)
        write(t.6, target + 6 &* width)
        write(t.7, target + 7 &* width)
        target += 8 &* width
        k &+= 8
      }
      while k < terms.upperBound {
        (target[0], target[1], target[2], target[3]) = (l0[k], l1[k], l2[k], l3[k])
        (target[4], target[5], target[6], target[7]) = (l4[k], l5[k], l6[k], l7[k])
        target += width
        k &+= 1
      }
    }
  }
}

private typealias EightRows = (Eight, Eight, Eight, Eight, Eight, Eight, Eight, Eight)

/// a0 b0 a1 b1 …: the first and the second half.
@inline(__always)
private func interleaved(_ a: Eight, _ b: Eight) -> (Eight, Eight) {
  var both = SIMD16<Float>()
  both.evenHalf = a
  both.oddHalf = b
  return (both.lowHalf, both.highHalf)
}

/// Eight rows of eight floats, transposed by three perfect shuffles.
@inline(__always)
private func transposed(_ rows: EightRows) -> EightRows { shuffled(shuffled(shuffled(rows))) }

@inline(__always)
private func shuffled(_ r: EightRows) -> EightRows {
  let (a, b, c, d) = (interleaved(r.0, r.4), interleaved(r.1, r.5), interleaved(r.2, r.6), interleaved(r.3, r.7))
  return (a.0, a.1, b.0, b.1, c.0, c.1, d.0, d.1)
}
