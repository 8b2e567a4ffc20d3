// The classes that a model knows. C classes, A descriptor size.
import Matrices

/// Names, descriptors and roles of classes; a class's number is its place, as in the data set.
package struct ClassTable: Sendable {
  package enum Role: Sendable, Equatable {
    /// It has rows that the classifier was trained on.
    case seen
    /// It is known by its descriptor alone.
    case unseen
    /// It has a descriptor and no rows: it is never answered.
    case unused
  }

  package let names: [String]
  /// C×A.
  package let descriptors: Matrix
  package let roles: [Role]

  /// - Parameters:
  ///   - names: one a class, none twice.
  ///   - descriptors: C×A.
  package init(names: [String], descriptors: Matrix, roles: [Role]) {
    precondition(names.count == descriptors.rowCount && roles.count == names.count, "\(names.count) names")
    self.names = names
    self.descriptors = descriptors
    self.roles = roles
  }

  package var count: Int { names.count }
  package var attributeSize: Int { descriptors.columnCount }

  /// Numbers of the classes of a role, ascending.
  package func classes(_ role: Role) -> [Int] { roles.indices.filter { roles[$0] == role } }

  /// A class's number; nil for a name that is none.
  package func number(of name: String) -> Int? { names.firstIndex(of: name) }

  /// With more unseen classes behind those that there are, which keep their numbers.
  ///
  /// - Parameters:
  ///   - names: none that is there already, none twice.
  ///   - descriptors: K×A, a row a name.
  package func adding(_ names: [String], descriptors more: Matrix) -> ClassTable {
    precondition(more.columnCount == attributeSize, "descriptors of \(more.columnCount) beside \(attributeSize)")
    precondition(Set(self.names + names).count == count + names.count, "a class is there already, or twice")
    let all = Matrix(rows: count + more.rowCount, columns: attributeSize)
    all.rows(0..<count).copy(from: descriptors)
    all.rows(count..<all.rowCount).copy(from: more)
    return ClassTable(
      names: self.names + names, descriptors: all, roles: roles + names.map { _ in .unseen })
  }

  /// Without some classes; the others move up.
  ///
  /// - Parameter numbers: of classes that are there.
  package func removing(_ numbers: Set<Int>) -> ClassTable {
    let kept = (0..<count).filter { !numbers.contains($0) }
    let rows = Matrix(rows: kept.count, columns: attributeSize)
    for (place, number) in kept.enumerated() {
      rows.rows(place..<place + 1).copy(from: descriptors.rows(number..<number + 1))
    }
    return ClassTable(names: kept.map { names[$0] }, descriptors: rows, roles: kept.map { roles[$0] })
  }
}
