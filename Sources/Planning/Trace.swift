// What a rank does in an iteration, in order, as the real step did it before a `RecordingCommunicator`.
import Collectives
import Profiling

/// What was computed in a stretch.
package struct Work: Sendable, Equatable {
  /// Operations that grow with the rank's rows; products that are looked up count less.
  package var rows = 0.0
  /// Operations that grow with the pairs of its rows with the batch's.
  package var pairs = 0.0
  /// Bytes that grow with the units that it finishes and moves: there memory is what takes time.
  package var units = 0.0

  /// What a look-up takes of the time of the multiplication that it stands for (`benchmark --profile`).
  private static let lookup = 0.3

  package init() {}

  init(_ measurements: [Measurement]) {
    for measurement in measurements {
      let operations = measurement.flops * (measurement.kind == .lookup ? Self.lookup : 1)
      switch measurement.growth {
      case .rows: rows += operations
      case .pairs: pairs += operations
      case .units: units += measurement.bytes
      }
    }
  }

  package static func + (a: Work, b: Work) -> Work {
    var sum = a
    sum.rows += b.rows
    sum.pairs += b.pairs
    sum.units += b.units
    return sum
  }
}

/// A message of an exchange.
package struct Message: Sendable, Hashable {
  package enum Direction: Sendable { case send, receive }

  package let exchange: Exchange
  package let direction: Direction
  /// The other rank.
  package let peer: Int
  /// Among the messages of one such exchange in this direction, from 0.
  package let number: Int
}

package enum Event: Sendable, Equatable {
  case work(Work)
  /// A message is under way from now on.
  case begin(Message, floats: Int)
  /// What follows needs it to have come, or to have left.
  case wait(Message)
  /// All ranks agree on the losses.
  case agree
}

/// An iteration of one rank.
package struct Trace: Sendable, Equatable {
  package let events: [Event]
  /// Rows of the rank's.
  package let rowCount: Int

  package var work: Work {
    events.reduce(Work()) { sum, event in
      if case .work(let work) = event { sum + work } else { sum }
    }
  }
}
