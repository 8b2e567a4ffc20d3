// B rows of the global batch, N of one rank.
import Collectives
import Profiling
import Training

/// Seconds that one rank computes in an iteration. A rank with N rows of a batch does what an iteration of N rows on one process does,
/// but for two things: the contrast of its N rows with all B grows with the batch, and of the parameters it finishes and updates its share.
package struct ComputeCost: Sendable, Equatable {
  /// Measured, by rows: seconds without those of the contrast and of the update.
  package let points: [(rows: Int, seconds: Double)]
  /// Seconds for one row against another in all contrastive passes of an iteration.
  package let secondsPerPair: Double
  /// Seconds to finish all gradients and to update all parameters, of an iteration.
  package let updateSeconds: Double

  /// - Parameter points: seconds of whole iterations of as many rows.
  package init(points: [(rows: Int, seconds: Double)], secondsPerPair: Double, updateSeconds: Double = 0) {
    precondition(!points.isEmpty && points.allSatisfy { $0.rows >= 1 && $0.seconds > 0 } && secondsPerPair >= 0)
    let least = points.map(\.seconds).min() ?? 0
    let update = min(updateSeconds, least / 2)
    self.points = points.sorted { $0.rows < $1.rows }.map { rows, seconds in
      (rows, seconds - update - min((seconds - update) / 2, Double(rows * rows) * secondsPerPair))
    }
    self.secondsPerPair = secondsPerPair
    self.updateSeconds = update
  }

  package static func == (a: ComputeCost, b: ComputeCost) -> Bool {
    a.secondsPerPair == b.secondsPerPair && a.updateSeconds == b.updateSeconds
      && a.points.elementsEqual(b.points, by: ==)
  }

  /// Of an iteration, without the contrast and the update.
  ///
  /// - Parameter rows: N; between and beyond the measured ones a straight line.
  package func seconds(rows: Int) -> Double {
    guard points.count > 1, rows > points[0].rows else {
      // Fewer rows take hardly less: products of few rows do not get faster.
      return points[0].seconds * (points.count == 1 ? max(1, Double(rows) / Double(points[0].rows)) : 1)
    }
    let after = points.firstIndex { $0.rows >= rows } ?? points.count - 1
    let (a, b) = (points[after - 1], points[after])
    let slope = (b.seconds - a.seconds) / Double(b.rows - a.rows)
    return a.seconds + slope * Double(rows - a.rows)
  }

  /// Of the contrast of N rows with all B, in an iteration.
  package func contrastSeconds(rows: Int, batch: Int) -> Double { Double(rows) * Double(batch) * secondsPerPair }

  /// The same on processors whose products and copies run at other rates.
  package func scaled(by factor: Double) -> ComputeCost {
    ComputeCost(
      points: points.map { rows, seconds in
        (rows, (seconds + updateSeconds + contrastSeconds(rows: rows, batch: rows)) * factor)
      }, secondsPerPair: secondsPerPair * factor, updateSeconds: updateSeconds * factor)
  }

  /// Times iterations on random data, all ranks of the run at once: as in training, they share the host's memory and clock.
  ///
  /// - Parameter rows: to measure at.
  /// - Throws: `ConfigurationError`, `CollectiveError`.
  package static func measure(
    preset: Preset, configuration: Configuration, rows: [Int], _ communicator: any Communicator
  ) throws -> ComputeCost {
    var points: [(rows: Int, seconds: Double)] = []
    var (perPair, update) = (0.0, 0.0)
    for count in rows.sorted() {
      var configuration = configuration
      configuration.batchSize = count
      let alone = try IterationBenchmark(preset: preset, configuration: configuration, communicator: SingleProcess())
      _ = try communicator.sum(0)
      let times = try alone.run(iterations: 3).sorted()
      let measurements = try alone.profile().measurements
      // Ranks wait for the slowest.
      let slowest = try communicator.maximum(Int(times[times.count / 2] * 1e9))
      points.append((count, Double(slowest) / 1e9))
      func seconds(_ growth: Growth) -> Double {
        measurements.reduce(0) { $0 + ($1.growth == growth ? $1.seconds : 0) }
      }
      perPair = seconds(.pairs) / (Double(count) * Double(count))
      update = seconds(.units)
    }
    return ComputeCost(points: points, secondsPerPair: perPair, updateSeconds: update)
  }
}
