// Sums of nodes of a batch's tree (`Matrices/BatchTree.swift`), element by element.
import Matrices

/// y ← y + x.
package func add(_ y: Matrix, _ x: Matrix) {
  precondition(y.rowCount == x.rowCount && y.columnCount == x.columnCount)
  addNodes([y, x], merges: [0, 1], into: [y])
}

/// results ← what is on the stack after the sources were put there one after the other and, after each, the last two sums became one
/// as many times as `merges` says. Results may be sources; all have one shape.
package func addNodes(_ sources: [Matrix], merges: [Int], into results: [Matrix]) {
  guard let shape = sources.first, let first = results.first else {
    return results.forEach { $0.fill(0) }
  }
  precondition(sources.count == merges.count && sources.count - merges.reduce(0, +) == results.count)
  for matrix in sources + results {
    precondition(matrix.rowCount == shape.rowCount && matrix.columnCount == shape.columnCount)
  }
  if sources.count == 2 && results.count == 1 { return addPair(sources[0], sources[1], into: first) }
  // Already there.
  if sources.count == 1 && first.storage === shape.storage && first.offset == shape.offset { return }
  let depth = sources.count
  let runs = (shape.columnCount + runLength - 1) / runLength
  let floats = (sources.count + results.count) * shape.count
  parallel(
    shape.rowCount * runs, grain: max(1, 16384 / max(1, min(shape.columnCount, runLength))), "node sums", floats: floats
  ) { part in
    withUnsafeTemporaryAllocation(byteCount: 4 * depth * runLength, alignment: 64) { room in
      guard let stack = room.baseAddress?.assumingMemoryBound(to: Float.self) else { return }
      for run in part {
        let (row, column) = (run / runs, run % runs &* runLength)
        let place = RunPlace(row: row, column: column, count: min(runLength, shape.columnCount &- column))
        addRun(sources, merges, results, place, stack)
      }
    }
  }
}

/// result ← a + b, the usual case.
private func addPair(_ a: Matrix, _ b: Matrix, into result: Matrix) {
  let runs = (a.columnCount + runLength - 1) / runLength
  parallel(
    a.rowCount * runs, grain: max(1, 16384 / max(1, min(a.columnCount, runLength))), "node sums", floats: 3 * a.count
  ) { part in
    for run in part {
      let (row, column) = (run / runs, run % runs &* runLength)
      let count = min(runLength, a.columnCount &- column)
      let (x, y, sum) = (a.row(row) + column, b.row(row) + column, result.row(row) + column)
      for i in stride(from: 0, to: count, by: vectorWidth) {
        let left = count &- i
        store(load(x + i, left) + load(y + i, left), sum + i, left)
      }
    }
  }
}

private let runLength = 512

/// Consecutive elements of a row.
private struct RunPlace {
  let row, column, count: Int
}

@inline(__always)
private func addRun(
  _ sources: [Matrix], _ merges: [Int], _ results: [Matrix], _ place: RunPlace, _ stack: UnsafeMutablePointer<Float>
) {
  let count = place.count
  var top = stack
  for (source, merges) in zip(sources, merges) {
    let from = source.row(place.row) + place.column
    if merges == 0 {
      top.update(from: from, count: count)
      top += runLength
      continue
    }
    // The nearest sum takes the source as it comes.
    let nearest = top - runLength
    for i in stride(from: 0, to: count, by: vectorWidth) {
      store(load(nearest + i) + load(from + i, count &- i), nearest + i)
    }
    for _ in 1..<merges {
      top -= runLength
      addPlace(top - runLength, top, count: count)
    }
  }
  for (number, result) in results.enumerated() {
    (result.row(place.row) + place.column).update(from: stack + number &* runLength, count: count)
  }
}
