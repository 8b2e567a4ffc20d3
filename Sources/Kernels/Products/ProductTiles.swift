// Finished tiles of a product on their way into the result, M×N, and back. See `Product.swift`.
import CPrefetch
import Matrices

/// Where the tiles of some strips and a panel lie in the result. A tile's own floats are the first place of its stack.
struct TileColumn {
  /// The result's first element, and from row to row.
  let start: UnsafeMutablePointer<Float>
  let stride: Int
  /// First row of the tiles, and rows of the result.
  let row: Int
  let rowCount: Int
  let stripCount: Int
  /// First column, and how many of the panel's are the result's.
  let column: Int
  let columnCount: Int
  let panelWidth: Int
  let stackFloats: Int

  @inline(__always)
  private func forEachRow(_ body: (_ place: Int, _ row: Int, _ address: UnsafeMutablePointer<Float>) -> Void) {
    for strip in 0..<stripCount {
      let first = row &+ strip &* stripRows
      for r in 0..<min(stripRows, rowCount &- first) {
        body(
          strip &* stackFloats &+ r &* panelWidth, first &+ r, start + ((first &+ r) &* stride &+ column))
      }
    }
  }

  func prefetch() {
    forEachRow { _, _, address in
      for c in Swift.stride(from: 0, to: columnCount, by: vectorWidth) { cegzsl_prefetch_for_write(address + c) }
    }
  }

  func load(into stacks: UnsafeMutablePointer<Float>) {
    forEachRow { place, _, address in (stacks + place).update(from: address, count: columnCount) }
  }

  func store(from stacks: UnsafePointer<Float>, _ finish: FinishAddresses) {
    finish.apply(to: TileStore(tiles: self, stacks: stacks))
  }
}

/// The way of finished tiles into the result.
private struct TileStore: FinishUser {
  let tiles: TileColumn
  let stacks: UnsafePointer<Float>

  func use(_ finish: some VectorFinish) {
    let (width, column) = (tiles.panelWidth, tiles.column)
    for strip in 0..<tiles.stripCount {
      let first = tiles.row &+ strip &* stripRows
      var source = stacks + strip &* tiles.stackFloats
      var target = tiles.start + (first &* tiles.stride &+ column)
      for row in first..<min(first &+ stripRows, tiles.rowCount) {
        if tiles.columnCount == width {
          var c = 0
          while c < width {
            // `vectorWidth` as what is left: no lane is looked at by itself.
            Kernels.store(
              finish(Kernels.load(source + c), row: row, column: column &+ c, left: vectorWidth), target + c)
            c &+= vectorWidth
          }
        } else {
          var c = 0
          while c < tiles.columnCount {
            let left = tiles.columnCount &- c
            Kernels.store(
              finish(Kernels.load(source + c, left), row: row, column: column &+ c, left: left), target + c, left)
            c &+= vectorWidth
          }
        }
        source += width
        target += tiles.stride
      }
    }
  }
}
