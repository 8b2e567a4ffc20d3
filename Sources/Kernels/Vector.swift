/// Sixteen floats: one AVX-512 register, two of AVX2, four of NEON.
typealias Vector = SIMD16<Float>
let vectorWidth = 16

/// Loads up to sixteen floats; lanes from `remaining` on are zero.
@inline(__always)
func load(_ address: UnsafePointer<Float>, _ remaining: Int = vectorWidth) -> Vector {
  if remaining >= vectorWidth { return UnsafeRawPointer(address).loadUnaligned(as: Vector.self) }
  var result = Vector()
  for lane in 0..<remaining { result[lane] = address[lane] }
  return result
}

/// Stores the first `remaining` lanes, at most sixteen.
@inline(__always)
func store(_ value: Vector, _ address: UnsafeMutablePointer<Float>, _ remaining: Int = vectorWidth) {
  if remaining >= vectorWidth {
    UnsafeMutableRawPointer(address).storeBytes(of: value, as: Vector.self)
  } else {
    for lane in 0..<remaining { address[lane] = value[lane] }
  }
}

@inline(__always)
func magnitude(_ value: Vector) -> Vector {
  unsafeBitCast(
    unsafeBitCast(value, to: SIMD16<UInt32>.self) & SIMD16(repeating: 0x7FFF_FFFF), to: Vector.self)
}

/// 1 with the sign of each lane (+1 for +0).
@inline(__always)
func unitSign(_ value: Vector) -> Vector {
  let sign = unsafeBitCast(value, to: SIMD16<UInt32>.self) & SIMD16(repeating: 0x8000_0000)
  return unsafeBitCast(sign | SIMD16(repeating: 0x3F80_0000), to: Vector.self)
}

/// Slope of LeakyReLU 0.2 at each lane: 1 above zero, 0.2 elsewhere.
@inline(__always)
func leakySlope(_ value: Vector) -> Vector {
  Vector(repeating: 0.2).replacing(with: Vector(repeating: 1), where: value .> Vector())
}

/// LeakyReLU 0.2 of each lane.
@inline(__always)
func leaky(_ value: Vector) -> Vector { larger(value, value * 0.2) }

/// Lanes where `value` is above zero, the others zeroed.
@inline(__always)
func positivePart(_ value: Vector) -> Vector {
  Vector().replacing(with: value, where: value .> Vector())
}

/// √x per lane for x ≥ 0 to about half a unit in the last place; √0 = 0. `SIMD16.squareRoot()` goes lane by lane, through
/// libm: three times slower than this. 1/√x from its exponent halved (3 % off), three Newton steps, then one for √x.
@inline(__always)
func squareRoot(_ x: Vector) -> Vector {
  let bits =
    SIMD16<UInt32>(repeating: 0x5F37_59DF) &- (unsafeBitCast(x, to: SIMD16<UInt32>.self) &>> SIMD16(repeating: 1))
  var inverse = unsafeBitCast(bits, to: Vector.self)
  let half = x * -0.5
  for _ in 0..<3 {
    // (x·y)·y, not x·(y·y): the latter is 0·∞ at zero.
    inverse *= Vector(repeating: 1.5).addingProduct(half * inverse, inverse)
  }
  let root = x * inverse
  return root.addingProduct(x.addingProduct(-root, root), 0.5 * inverse)
}

/// The smaller of the two, lane by lane.
@inline(__always)
func smaller(_ a: Vector, _ b: Vector) -> Vector { a.replacing(with: b, where: b .< a) }

/// The larger of the two, lane by lane; b where one is NaN.
@inline(__always)
func larger(_ a: Vector, _ b: Vector) -> Vector { b.replacing(with: a, where: a .> b) }

/// The sum of the sixteen lanes, as a tree: `sum()` adds lane after lane.
@inline(__always)
func laneSum(_ value: Vector) -> Float {
  let eight = value.lowHalf + value.highHalf
  let four = eight.lowHalf + eight.highHalf
  let two = four.lowHalf + four.highHalf
  return two.x + two.y
}

/// eˣ per lane to about 1 unit in the last place, x clamped to [−87, 88]. x = n·ln 2 + r with |r| ≤ ln 2 / 2; eʳ by its
/// Taylor polynomial of degree 7 (error below 6e-9), 2ⁿ through the exponent bits.
@inline(__always)
func exponential(_ value: Vector) -> Vector {
  var x = value
  x.replace(with: Vector(repeating: -87), where: x .< Vector(repeating: -87))
  x.replace(with: Vector(repeating: 88), where: x .> Vector(repeating: 88))
  // Adding 1.5·2²³ rounds to an integer, which then sits in the low bits.
  let magic = Vector(repeating: 12_582_912)
  let shifted = magic.addingProduct(x, Vector(repeating: 1.442_695_04))
  let n = shifted - magic
  var r = x.addingProduct(n, Vector(repeating: -0.693_359_375))
  r.addProduct(n, Vector(repeating: 2.121_944_4e-4))
  var p = Vector(repeating: 1 / 5040)
  p = Vector(repeating: 1 / 720).addingProduct(p, r)
  p = Vector(repeating: 1 / 120).addingProduct(p, r)
  p = Vector(repeating: 1 / 24).addingProduct(p, r)
  p = Vector(repeating: 1 / 6).addingProduct(p, r)
  p = Vector(repeating: 0.5).addingProduct(p, r)
  p = Vector(repeating: 1).addingProduct(p, r)
  p = Vector(repeating: 1).addingProduct(p, r)
  let exponent = (unsafeBitCast(shifted, to: SIMD16<UInt32>.self) &+ SIMD16(repeating: 127)) &<< SIMD16(repeating: 23)
  return p * unsafeBitCast(exponent, to: Vector.self)
}

/// Lanes of −2²²..<2²² as floats: added to the bits of 1.5·2²³ they become its last digits. (Swift's own conversion goes lane by
/// lane.)
@inline(__always)
func smallIntegers(_ value: SIMD16<UInt32>) -> Vector {
  unsafeBitCast(value &+ SIMD16(repeating: 0x4B40_0000), to: Vector.self) - 12_582_912
}

/// ln x per lane for normal x > 0, to about 2 units in the last place (of x near 1: to 1e-8). x = 2ⁿ·m with m in
/// [√½, √2); ln m = 2·artanh s with s = (m − 1)/(m + 1), |s| < 0.172, by its series up to s⁹ (error below 1e-9).
@inline(__always)
func naturalLogarithm(_ x: Vector) -> Vector {
  let bits = unsafeBitCast(x, to: SIMD16<UInt32>.self)
  // The exponent of x/√½, so that the mantissa lies around 1.
  let shifted = bits &- SIMD16(repeating: 0x3F35_04F3)
  let exponent = unsafeBitCast(shifted, to: SIMD16<Int32>.self) &>> SIMD16(repeating: 23)
  let m = unsafeBitCast(
    bits &- unsafeBitCast(exponent &<< SIMD16(repeating: 23), to: SIMD16<UInt32>.self), to: Vector.self)
  let s = (m - 1) / (m + 1)
  let square = s * s
  var series = Vector(repeating: 1 / 9)
  series = Vector(repeating: 1 / 7).addingProduct(series, square)
  series = Vector(repeating: 1 / 5).addingProduct(series, square)
  series = Vector(repeating: 1 / 3).addingProduct(series, square)
  let logarithm = 2 * s.addingProduct(s * square, series)
  return logarithm.addingProduct(
    smallIntegers(unsafeBitCast(exponent, to: SIMD16<UInt32>.self)), Vector(repeating: 0.693_147_18))
}

/// sin and cos of 2π·w/2³² per lane, to about 1e-7. The nearest quarter turn comes off exactly, as an integer; what is left
/// lies within ±π/4, where Taylor polynomials of degree 9 and 8 are good to 2e-9 and 3e-8.
@inline(__always)
func sineAndCosine(turns w: SIMD16<UInt32>) -> (sine: Vector, cosine: Vector) {
  let quarter = (w &+ SIMD16(repeating: 1 << 29)) &>> SIMD16(repeating: 30)
  let rest = unsafeBitCast(w &- (quarter &<< SIMD16(repeating: 30)), to: SIMD16<Int32>.self)
  // The upper halves, of either sign, and the lower ones; their sum is rounded once.
  let upper = smallIntegers(unsafeBitCast(rest &>> SIMD16(repeating: 16), to: SIMD16<UInt32>.self))
  let lower = smallIntegers(unsafeBitCast(rest, to: SIMD16<UInt32>.self) & SIMD16(repeating: 0xFFFF))
  let x = (upper * 65536 + lower) * Float(0x1p-31 * Double.pi)
  let square = x * x
  var sine = Vector(repeating: 1 / 362_880)
  sine = Vector(repeating: -1 / 5040).addingProduct(sine, square)
  sine = Vector(repeating: 1 / 120).addingProduct(sine, square)
  sine = Vector(repeating: -1 / 6).addingProduct(sine, square)
  sine = x.addingProduct(x * square, sine)
  var cosine = Vector(repeating: 1 / 40320)
  cosine = Vector(repeating: -1 / 720).addingProduct(cosine, square)
  cosine = Vector(repeating: 1 / 24).addingProduct(cosine, square)
  cosine = Vector(repeating: -0.5).addingProduct(cosine, square)
  cosine = Vector(repeating: 1).addingProduct(cosine, square)
  // Quarter turns 1 and 3 exchange the two; 2 and 3 negate the sine, 1 and 2 the cosine.
  let one = SIMD16<UInt32>(repeating: 1)
  let sineSign = (quarter & SIMD16(repeating: 2)) &<< SIMD16(repeating: 30)
  let cosineSign = (((quarter &+ one) & SIMD16(repeating: 2))) &<< SIMD16(repeating: 30)
  let swaps = SIMD16() &- (quarter & one)  // all bits where they are exchanged
  let (sineBits, cosineBits) = (
    unsafeBitCast(sine, to: SIMD16<UInt32>.self), unsafeBitCast(cosine, to: SIMD16<UInt32>.self)
  )
  let difference = (sineBits ^ cosineBits) & swaps
  return (
    unsafeBitCast(sineBits ^ difference ^ sineSign, to: Vector.self),
    unsafeBitCast(cosineBits ^ difference ^ cosineSign, to: Vector.self)
  )
}
