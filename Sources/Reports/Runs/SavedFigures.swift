import Evaluation
import Files
import Foundation

/// `figures.json`, what an evaluation found in detail. Every part may be missing: `nil`, or empty.
package struct SavedFigures: Sendable {
  /// One decision: how the scores of seen and unseen classes were weighed.
  package struct Point: Sendable, Equatable {
    /// What was subtracted from the scores of seen classes.
    package let gamma: Double?
    /// Fractions.
    package let unseen: Double
    package let seen: Double
    package let harmonic: Double
  }
  package struct Class: Sendable, Equatable {
    package let name: String
    package let isSeen: Bool
    /// It has a descriptor and no rows, and is never answered.
    package var isUnused = false
    /// Tested rows.
    package let rows: Int?
    /// Fractions.
    package let accuracy: Double?
    package let calibratedAccuracy: Double?
  }
  package struct Cell: Sendable, Equatable {
    /// Places in `classes`.
    package let label: Int
    package let answer: Int
    package let count: Int
  }

  package let iteration: Int?
  package let ausuc: Double?
  package let curve: [Point]
  package let plain: Point?
  package let calibrated: Point?
  package let classes: [Class]
  /// Without pairs that do not occur.
  package let confusion: [Cell]
  /// By name, in the file's order; each has figures by name.
  package let baselines: [(name: String, figures: [(name: String, value: Double)])]

  /// What is of another form than expected counts as missing.
  package init(_ json: JSONValue) {
    iteration = json["iteration"]?.integer
    ausuc = json["ausuc"]?.double
    curve = (json["curve"]?.elements ?? []).compactMap { point in
      let values = point.elements.map { $0.map(\.double) } ?? []
      guard values.count == 3, let seen = values[1], let unseen = values[2] else { return nil }
      return Point(
        gamma: values[0], unseen: unseen, seen: seen,
        harmonic: OperatingPoint(gamma: 0, unseen: unseen, seen: seen).harmonic)
    }
    plain = json["operating_points"]?["plain"].flatMap(Self.point)
    calibrated = json["operating_points"]?["calibrated"].flatMap(Self.point)
    let listed = json["classes"]?.elements ?? []
    let classes = listed.compactMap(Self.readClass)
    // A class that cannot be read would move the places of the others.
    self.classes = classes.count == listed.count ? classes : []
    confusion = (json["confusion"]?.elements ?? []).compactMap { cell in
      let values = cell.elements?.compactMap(\.integer) ?? []
      guard values.count == 3, classes.indices.contains(values[0]), classes.indices.contains(values[1]), values[2] > 0
      else { return nil }
      return Cell(label: values[0], answer: values[1], count: values[2])
    }
    baselines = (json["baselines"]?.members ?? []).map { member in
      let figures = (member.value.members ?? []).compactMap { figure in
        // Of what was calibrated, H.
        (figure.value.double ?? figure.value["harmonic"]?.double).map { (figure.key, $0) }
      }
      return (member.key, member.value.double.map { [("value", $0)] } ?? figures)
    }
  }

  private static func point(_ json: JSONValue) -> Point? {
    guard let unseen = json["unseen"]?.double, let seen = json["seen"]?.double else { return nil }
    return Point(
      gamma: json["gamma"]?.double, unseen: unseen, seen: seen,
      harmonic: json["harmonic"]?.double ?? OperatingPoint(gamma: 0, unseen: unseen, seen: seen).harmonic)
  }

  private static func readClass(_ json: JSONValue) -> Class? {
    guard let name = json["name"]?.string else { return nil }
    return Class(
      name: name, isSeen: json["role"]?.string == "seen", isUnused: json["role"]?.string == "unused",
      rows: json["rows"]?.integer,
      accuracy: json["accuracy"]?.double, calibratedAccuracy: json["calibrated_accuracy"]?.double)
  }
}
