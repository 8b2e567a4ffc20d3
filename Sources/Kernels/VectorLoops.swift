// The innermost loops exist twice in the program, for AVX2 and for AVX-512; which of them run is decided when it starts. The bits
// are the same.
import CProcessor
import Glibc
import LoopsAVX2
import LoopsAVX512
import Matrices

/// The innermost loops for one vector width; what they take is said at the functions of `LoopsAVX2`.
package struct VectorLoops: Sendable {
  package typealias Floats = UnsafePointer<Float>
  package typealias MutableFloats = UnsafeMutablePointer<Float>

  /// Value of CEGZSL_VECTOR.
  package let name: String
  /// Columns of a packed panel.
  package let panelWidth: Int
  package let multiplyStrips:
    @Sendable (Floats, Int, Floats, Int, MutableFloats, Int, MutableFloats, UnsafeBufferPointer<SumSegment>, Int)
      -> Void
  package let lookUps: LookUps

  package init(
    name: String, panelWidth: Int,
    multiplyStrips:
      @escaping @Sendable (
        Floats, Int, Floats, Int, MutableFloats, Int, MutableFloats, UnsafeBufferPointer<SumSegment>, Int
      ) -> Void,
    lookUps: LookUps
  ) {
    self.name = name
    self.panelWidth = panelWidth
    self.multiplyStrips = multiplyStrips
    self.lookUps = lookUps
  }

  /// Those of the look-ups (`Method/SubsetSums.swift`, `Method/NarrowSums.swift`).
  package struct LookUps: Sendable {
    package let tabulateGroups: @Sendable (MutableFloats, Int, Floats, Int, Bool) -> Void
    package let addTiles:
      @Sendable (MutableFloats, Int, SumSegment, Int, Floats, Int, UnsafePointer<UInt8>, Int) -> Void
    package let tabulateNarrow: @Sendable (MutableFloats, Floats, Int) -> Void
    package let addNarrowTiles: @Sendable (MutableFloats, Int, Floats, Int, UnsafePointer<UInt8>, Int) -> Void

    package init(
      tabulateGroups: @escaping @Sendable (MutableFloats, Int, Floats, Int, Bool) -> Void,
      addTiles:
        @escaping @Sendable (MutableFloats, Int, SumSegment, Int, Floats, Int, UnsafePointer<UInt8>, Int) -> Void,
      tabulateNarrow: @escaping @Sendable (MutableFloats, Floats, Int) -> Void,
      addNarrowTiles: @escaping @Sendable (MutableFloats, Int, Floats, Int, UnsafePointer<UInt8>, Int) -> Void
    ) {
      self.tabulateGroups = tabulateGroups
      self.addTiles = addTiles
      self.tabulateNarrow = tabulateNarrow
      self.addNarrowTiles = addNarrowTiles
    }
  }

  package static let avx2 = VectorLoops(
    name: "avx2", panelWidth: LoopsAVX2.panelWidth,
    multiplyStrips: LoopsAVX2.multiplyStrips(
      _:stripCount:_:terms:stacks:keptSlots:passing:segments:firstTerm:),
    lookUps: LookUps(
      tabulateGroups: LoopsAVX2.tabulateGroups(_:tableSize:_:groupCount:areTriples:),
      addTiles: LoopsAVX2.addTiles(_:slotStride:_:tileCount:_:tableSize:_:indexStride:),
      tabulateNarrow: LoopsAVX2.tabulateNarrow,
      addNarrowTiles: LoopsAVX2.addNarrowTiles(_:tileCount:_:tableSize:_:groupCount:)))

  package static let avx512 = VectorLoops(
    name: "avx512", panelWidth: LoopsAVX512.panelWidth,
    multiplyStrips: LoopsAVX512.multiplyStrips(
      _:stripCount:_:terms:stacks:keptSlots:passing:segments:firstTerm:),
    lookUps: LookUps(
      tabulateGroups: LoopsAVX512.tabulateGroups(_:tableSize:_:groupCount:areTriples:),
      addTiles: LoopsAVX512.addTiles(_:slotStride:_:tileCount:_:tableSize:_:indexStride:),
      tabulateNarrow: LoopsAVX512.tabulateNarrow,
      addNarrowTiles: LoopsAVX512.addNarrowTiles(_:tileCount:_:tableSize:_:groupCount:)))

  /// Those that this processor can run, the widest last.
  package static var available: [VectorLoops] {
    (cegzsl_has_avx2() != 0 ? [avx2] : []) + (cegzsl_has_avx512() != 0 ? [avx512] : [])
  }

  private static let choice = Result { () throws(UnusableVectorWidth) in
    guard let widest = available.last else { throw UnusableVectorWidth(wanted: nil) }
    guard let variable = getenv("CEGZSL_VECTOR") else { return widest }
    let wanted = String(cString: variable)
    guard let found = available.first(where: { $0.name == wanted }) else { throw UnusableVectorWidth(wanted: wanted) }
    return found
  }

  /// Those that run: the widest, unless CEGZSL_VECTOR names others. The whole process's: the processor and the environment say which
  /// when it starts, and nothing changes it.
  static let chosen = (try? choice.get()) ?? avx2

  /// To be called before anything is computed.
  ///
  /// - Throws: `UnusableVectorWidth` where CEGZSL_VECTOR names what there is not, or what this processor cannot.
  package static func requireUsable() throws { _ = try choice.get() }

  /// Vector instructions of the products, for messages.
  package static var instructionSet: String { chosen.name == "avx512" ? "AVX-512" : "AVX2" }
}

/// CEGZSL_VECTOR names a vector width that does not exist or that this processor has not.
package struct UnusableVectorWidth: ReportableError {
  /// Nil: the processor has none of them.
  package let wanted: String?

  package var exitStatus: ExitStatus { wanted == nil ? .unusableMachine : .usage }
  package var description: String {
    guard let wanted else { return "this processor has no AVX2, which cegzsl needs (Intel from 2013, AMD from 2015)." }
    let usable = VectorLoops.available.map(\.name).joined(separator: " or ")
    return wanted == "avx512"
      ? "CEGZSL_VECTOR=avx512, but this processor has no AVX-512: leave the variable unset, or say \(usable)."
      : "CEGZSL_VECTOR=\(wanted) names no vector width: leave the variable unset, or say \(usable)."
  }
}
