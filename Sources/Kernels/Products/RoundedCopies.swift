// The factors of a product rounded to bfloat16. A factor of several products is rounded once and kept as long as it does not
// change; any other right before its product. The bits of a product are the same either way.
import Matrices

/// A matrix rounded to bfloat16: element (r, c) at r·stride + c.
struct RoundedMatrix {
  let start: UnsafeMutablePointer<UInt16>
  let stride: Int
}

extension ProductContext {
  /// Until `forgetRounded`, products in bfloat16 take the rounded copy that is made here of x, or of any part of it. Call it again
  /// where x has changed. In float32 nothing is done.
  package func keepRounded(_ x: Matrix) {
    if precision == .bfloat16 { scratch.roundedCopies.keep(x) }
  }

  /// As `keepRounded`, of a whole storage of parameters: kept until the storage is gone. `adamUpdate` rounds what it changes.
  package func keepRoundedParameters(_ values: FloatStorage) {
    let row = Matrix(storage: values, offset: 0, rowCount: 1, columnCount: values.count, rowStride: values.count)
    if precision == .bfloat16 { scratch.roundedCopies.keep(row, isParameter: true) }
  }

  /// Some of a storage's parameters were changed by others than `adamUpdate`: their copy, if one is kept, is made again.
  package func roundParameters(_ x: Matrix) {
    guard let origin = scratch.roundedCopies.parameters(x.storage) else { return }
    round(x, into: origin + x.offset, stride: x.rowStride)
  }

  /// Ends what `keepRounded` began, for all matrices.
  package func forgetRounded() { scratch.roundedCopies.forget() }
}

/// Rounded copies of matrices, and room for the two factors of which none is kept. Room grows to the largest and stays.
final class RoundedCopies {
  private var factors = [GrowingStorage(), GrowingStorage()]
  private var copies: [Copy] = []

  /// The copy of some elements of a storage, in the same places; without a source it is room for the next.
  private struct Copy {
    weak var source: FloatStorage?
    let elements: Range<Int>
    let isParameter: Bool
    let room: FloatStorage

    /// Where the copy of element 0 of the storage would be.
    var origin: UnsafeMutablePointer<UInt16> { halves(of: room) - elements.lowerBound }
  }

  func keep(_ x: Matrix, isParameter: Bool = false) {
    let elements = x.elementRange
    guard !elements.isEmpty else { return }
    // Copies of more, or of other parts of it, may be from before x was filled.
    for other in copies.indices
    where copies[other].source === x.storage && !copies[other].isParameter && copies[other].elements != elements
      && copies[other].elements.overlaps(elements)
    {
      copies[other].source = nil
    }
    let floats = (elements.count + 1) / 2
    let index =
      copies.firstIndex { $0.source === x.storage && $0.elements == elements }
      ?? copies.indices.filter { copies[$0].source == nil && copies[$0].room.count >= floats }
      .min { copies[$0].room.count < copies[$1].room.count }
    let room = index.map { copies[$0].room } ?? FloatStorage(count: floats)
    let copy = Copy(source: x.storage, elements: elements, isParameter: isParameter, room: room)
    if let index { copies[index] = copy } else { copies.append(copy) }
    round(x, into: halves(of: room), stride: x.rowStride)
  }

  func forget() {
    for index in copies.indices where !copies[index].isParameter { copies[index].source = nil }
  }

  /// The copy of a whole storage of parameters, if there is one.
  func parameters(_ values: FloatStorage) -> UnsafeMutablePointer<UInt16>? {
    copies.first { $0.source === values && $0.isParameter }?.origin
  }

  /// A factor of a product, the left one (0) or the right one (1); good until the next product.
  func rounded(_ x: Matrix, factor: Int) -> RoundedMatrix {
    let elements = x.elementRange
    let origin = copies.first {
      $0.source === x.storage && $0.elements.lowerBound <= elements.lowerBound
        && elements.upperBound <= $0.elements.upperBound
    }?.origin
    if let origin {
      assert(agrees(origin + x.offset, with: x), "a copy of \(x.rowCount)×\(x.columnCount) is not up to date")
      return RoundedMatrix(start: origin + x.offset, stride: x.rowStride)
    }
    factors[factor].reserve((x.count + 1) / 2)
    let start = halves(of: factors[factor].storage)
    round(x, into: start, stride: x.columnCount)
    return RoundedMatrix(start: start, stride: x.columnCount)
  }

  private func agrees(_ copy: UnsafePointer<UInt16>, with x: Matrix) -> Bool {
    (0..<x.rowCount).allSatisfy { r in
      (0..<x.columnCount).allSatisfy { c in
        roundToBFloat16(Vector(repeating: x.row(r)[c]))[0] == copy[r * x.rowStride + c]
      }
    }
  }
}

extension Matrix {
  /// From the first to the last of its elements, as places in the storage.
  fileprivate var elementRange: Range<Int> {
    offset..<(rowCount == 0 ? offset : offset + (rowCount - 1) * rowStride + columnCount)
  }
}

private func halves(of room: FloatStorage) -> UnsafeMutablePointer<UInt16> {
  UnsafeMutableRawPointer(room.base).assumingMemoryBound(to: UInt16.self)
}

/// The elements of x rounded to the nearest bfloat16 (ties to even).
private func round(_ x: Matrix, into start: UnsafeMutablePointer<UInt16>, stride step: Int) {
  // One long row, as a storage of parameters is, is as many short ones.
  let width = x.isContiguous && x.columnCount > 4096 ? 4096 : x.columnCount
  let rows = x.isContiguous ? (x.count + width - 1) / width : x.rowCount
  let (xStep, targetStep) = x.isContiguous ? (width, width) : (x.rowStride, step)
  parallel(rows, grain: max(1, 16384 / max(width, 1)), "bfloat16 rounding", floats: x.count + x.count / 2) { part in
    for r in part {
      let (row, target) = (x.start + r &* xStep, start + r &* targetStep)
      let columns = x.isContiguous ? min(width, x.count &- r &* width) : width
      roundRow(row, into: target, count: columns)
    }
  }
}

/// target ← the elements rounded to the nearest bfloat16.
@inline(never)
func roundRow(_ row: UnsafePointer<Float>, into target: UnsafeMutablePointer<UInt16>, count: Int) {
  for c in stride(from: 0, to: count, by: vectorWidth) {
    let left = count &- c
    let rounded = roundToBFloat16(load(row + c, left))
    if left >= vectorWidth {
      UnsafeMutableRawPointer(target + c).storeBytes(of: rounded, as: SIMD16<UInt16>.self)
    } else {
      for lane in 0..<left { target[c &+ lane] = rounded[lane] }
    }
  }
}

/// The upper halves of the lanes' bits, rounded to nearest, ties to even; a NaN stays one. By arithmetic: comparisons become code
/// for single lanes here.
@inline(__always)
func roundToBFloat16(_ value: Vector) -> SIMD16<UInt16> {
  typealias Bits = SIMD16<UInt32>
  let bits = unsafeBitCast(value, to: Bits.self)
  let odd = (bits &>> Bits(repeating: 16)) & Bits(repeating: 1)
  // All bits set where the magnitude is above that of infinity.
  let isNaN =
    Bits() &- ((Bits(repeating: 0x7F80_0000) &- (bits & Bits(repeating: 0x7FFF_FFFF))) &>> Bits(repeating: 31))
  let rounded = (bits &+ ((odd &+ Bits(repeating: 0x7FFF)) & ~isNaN)) | (isNaN & Bits(repeating: 0x0040_0000))
  return unsafeBitCast(rounded &>> Bits(repeating: 16), to: SIMD32<UInt16>.self).evenHalf
}
