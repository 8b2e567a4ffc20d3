import Foundation
import Kernels
import Matrices
import Profiling

/// One product shape of an iteration, beside the same shape in another library.
package struct ProductRate: Sendable, Encodable {
  /// E.g. "512×2048 · 2048×4096ᵀ".
  package let product: String
  package let m, n, k: Int
  /// Of the time that the iteration's products take.
  package let share: Double
  /// Calls in an iteration.
  package let calls: Int
  /// 10⁹ operations a second on all threads, and on one.
  package let gflops: Double
  package let gflopsOneThread: Double
  /// Of the peer.
  package let peerGflops: Double?
  package let peerGflopsOneThread: Double?

  enum CodingKeys: String, CodingKey {
    case product, m, n, k, share, calls, gflops
    case gflopsOneThread = "gflops_one_thread"
    case peerGflops = "peer_gflops"
    case peerGflopsOneThread = "peer_gflops_one_thread"
  }
}

/// Measures product shapes one after the other, ours and a peer's in turn, on one thread and on all.
package final class ProductBenchmark {
  private let threads = ThreadPool.threadCount
  private let context = ProductContext()
  private let peers: (one: NumpyPeer, all: NumpyPeer)?
  /// Rounds of ours and the peer's; the best of each counts.
  private static let rounds = 4

  /// - Parameter python: an interpreter with numpy, or nil.
  /// - Throws: `PeerFailure`.
  package init(python: String?) throws {
    peers = try python.map {
      (one: try NumpyPeer(python: $0, threads: 1), all: try NumpyPeer(python: $0, threads: ThreadPool.threadCount))
    }
  }

  /// - Parameter measurements: of an iteration.
  package func rates(_ measurements: [Profiling.Measurement]) throws -> [ProductRate] {
    let products = measurements.filter { $0.shape != nil }
    let total = products.reduce(0) { $0 + $1.seconds }
    return try products.compactMap { measurement in
      guard let shape = measurement.shape else { return nil }
      var (one, all, peerOne, peerAll) = (0.0, 0.0, 0.0, 0.0)
      let trial = ProductTrial(shape, context)
      for _ in 0..<Self.rounds {
        all = max(all, trial.rate(threads: threads))
        peerAll = max(peerAll, try peers?.all.rate(shape) ?? 0)
        one = max(one, trial.rate(threads: 1))
        peerOne = max(peerOne, try peers?.one.rate(shape) ?? 0)
      }
      ThreadPool.setThreadCount(threads)
      return ProductRate(
        product: shape.name, m: shape.m, n: shape.n, k: shape.k, share: measurement.seconds / total,
        calls: measurement.calls, gflops: all, gflopsOneThread: one, peerGflops: peers == nil ? nil : peerAll,
        peerGflopsOneThread: peers == nil ? nil : peerOne)
    }
  }

  /// The peer's time over ours, each shape as often as in an iteration: above 1 where ours is the faster.
  package static func weightedRatio(
    _ rates: [ProductRate], ours: (ProductRate) -> Double, peer: (ProductRate) -> Double?
  ) -> Double? {
    var (own, other) = (0.0, 0.0)
    for rate in rates {
      guard let theirs = peer(rate) else { return nil }
      let work = Double(rate.calls) * Double(rate.m) * Double(rate.n) * Double(rate.k)
      own += work / ours(rate)
      other += work / theirs
    }
    return own > 0 ? other / own : nil
  }
}

/// A product of random factors as they lie in an iteration.
private struct ProductTrial {
  let shape: ProductShape
  let result, left, right: Matrix
  let context: ProductContext

  init(_ shape: ProductShape, _ context: ProductContext) {
    self.shape = shape
    self.context = context
    func factor(_ rows: Int, _ columns: Int, _ isTransposed: Bool, _ number: Int) -> Matrix {
      let matrix = isTransposed ? Matrix(rows: columns, columns: rows) : Matrix(rows: rows, columns: columns)
      fillNormal(matrix, RandomSource(seed: 1), .benchmarkData, step: number, firstRow: 0)
      return matrix
    }
    left = factor(shape.m, shape.k, shape.leftIsTransposed, 2)
    right = factor(shape.k, shape.n, shape.rightIsTransposed, 3)
    result = Matrix(rows: shape.m, columns: shape.n)
  }

  /// 10⁹ operations a second.
  func rate(threads: Int) -> Double {
    ThreadPool.setThreadCount(threads)
    let order: SumOrder = shape.isBatchSum ? BatchTree(rowCount: shape.k).order : .chain
    return shape.flops * 1e-9
      / bestTime(atLeast: 0.1) {
        switch (shape.leftIsTransposed, shape.rightIsTransposed) {
        case (false, false): context.multiply(into: result, left, right, order: order)
        case (false, true): context.multiply(into: result, left, right.transposed, order: order)
        case (true, false): context.multiply(into: result, left.transposed, right, order: order)
        case (true, true): context.multiply(into: result, left.transposed, right.transposed, order: order)
        }
      }
  }
}

/// The shortest of several runs, in seconds; at least three, and until so many seconds have passed.
func bestTime(atLeast seconds: Double, _ body: () -> Void) -> Double {
  var (best, total, runs) = (Double.infinity, 0.0, 0)
  while runs < 3 || total < seconds {
    let start = ContinuousClock().now
    body()
    let time = (ContinuousClock().now - start) / .seconds(1)
    (best, total, runs) = (min(best, time), total + time, runs + 1)
  }
  return best
}

/// The interpreter that PEER_PYTHON names does not answer.
package struct PeerFailure: ReportableError {
  package let python: String
  package let reason: String
  package var exitStatus: ExitStatus { .usage }
  package var description: String {
    "the Python that PEER_PYTHON names, \(python), \(reason). It must exist and have numpy."
  }
}

/// numpy's products in a process of its own, which takes a shape a line and answers with 10⁹ operations a second.
private final class NumpyPeer {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private let python: String

  private static let program = """
    import sys, time
    import numpy
    for line in sys.stdin:
        m, k, n, left, right = map(int, line.split())
        a = numpy.random.standard_normal((k, m) if left else (m, k)).astype("float32")
        b = numpy.random.standard_normal((n, k) if right else (k, n)).astype("float32")
        a, b = a.T if left else a, b.T if right else b
        c = numpy.empty((m, n), "float32")
        best, total, runs = 1e9, 0.0, 0
        while runs < 3 or total < 0.1:
            start = time.perf_counter()
            numpy.matmul(a, b, out=c)
            seconds = time.perf_counter() - start
            best, total, runs = min(best, seconds), total + seconds, runs + 1
        print(2e-9 * m * n * k / best, flush=True)
    """

  init(python: String, threads: Int) throws {
    self.python = python
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = ["-c", Self.program]
    var environment = ProcessInfo.processInfo.environment
    // Old OpenBLAS builds want them on some processors; they slow a current one down.
    for name in ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"] { environment[name] = nil }
    for name in ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"] { environment[name] = "\(threads)" }
    process.environment = environment
    process.standardInput = input
    process.standardOutput = output
    do { try process.run() } catch {
      throw PeerFailure(python: python, reason: "does not start: \(error.localizedDescription)")
    }
  }

  deinit { try? input.fileHandleForWriting.close() }

  func rate(_ shape: ProductShape) throws -> Double {
    let line = "\(shape.m) \(shape.k) \(shape.n) \(shape.leftIsTransposed ? 1 : 0) \(shape.rightIsTransposed ? 1 : 0)\n"
    do { try input.fileHandleForWriting.write(contentsOf: Data(line.utf8)) } catch {
      throw PeerFailure(python: python, reason: "has ended")
    }
    var answer = Data()
    while answer.last != UInt8(ascii: "\n") {
      guard let more = try? output.fileHandleForReading.read(upToCount: 1), !more.isEmpty else {
        throw PeerFailure(python: python, reason: "has ended")
      }
      answer.append(more)
    }
    let text = String(decoding: answer, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    guard let value = Double(text) else {
      throw PeerFailure(python: python, reason: "answers with something that is no number")
    }
    return value
  }
}
