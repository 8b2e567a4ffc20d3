import Matrices
import Testing

@testable import Datasets

/// The rows of a data set for another list of classes.
@Suite struct OtherClassesTests {
  @Test func rowsFollowTheNamesOfTheirClasses() {
    let features = Matrix(rows: 8, columns: 3)
    for r in 0..<8 { features[r, 0] = Float(r) }
    let whole = GZSLDataset(
      random: features, labels: [0, 1, 2, 0, 1, 2, 0, 1], descriptors: Matrix(rows: 4, columns: 2))
    let descriptors = Matrix(rows: 3, columns: 2, elements: [1, 2, 3, 4, 5, 6])
    // Number 1 was 2, number 2 was 0; those of number 1 before have no class any more.
    let other = whole.withClasses(["new", "class 3", "class 1"], descriptors: descriptors, seen: [1, 2], unseen: [0])
    #expect(other.trainingRows == [0, 2, 3, 5, 6] && other.trainingRows == other.test.classifierRows)
    #expect(other.trainingRows.map { other.labels[$0] } == [2, 1, 2, 1, 2])
    #expect(other.test.seenClasses == [1, 2] && other.test.unseenClasses == [0] && other.trainingClasses == [1, 2])
    #expect(other.test.seenRows.isEmpty && other.test.unseenRows.isEmpty && other.heldOut.task == nil)
    #expect(other.descriptors.elements == descriptors.elements && other.contentDigest != whole.contentDigest)
    let row = Matrix(rows: 1, columns: 3)
    other.features.gather(into: row, [5])
    #expect(row[0, 0] == 5)
  }
}
