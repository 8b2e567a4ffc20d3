import Datasets
import Evaluation
import Files
import Foundation
import Matrices
import Testing
import Training

/// Which evaluation is reported, and which is "best on test".
@Suite struct ResultsTests {
  private func result(
    _ history: [(unseen: Double, seen: Double)], zsl: Double, ausuc: Double,
    areas: [Double]? = nil
  ) -> EvaluationResult {
    let steps = history.map { GeneralizedAccuracy(unseen: $0.unseen, seen: $0.seen) }
    let none = PerClassAccuracy(predictions: [], labels: [])
    return EvaluationResult(
      last: steps.last ?? GeneralizedAccuracy(unseen: 0, seen: 0), history: steps, zsl: zsl, seenClasses: none,
      unseenClasses: none, ausuc: ausuc, areasOfUnseenClasses: areas)
  }

  private var records: [EvaluationRecord] {
    [
      EvaluationRecord(iteration: 10, epoch: 1, test: result([(0.1, 0.5), (0.6, 0.6)], zsl: 0.1, ausuc: 0.3)),
      EvaluationRecord(
        iteration: 20, epoch: 2, test: result([(0.2, 0.4), (0.1, 0.1)], zsl: 0.2, ausuc: 0.5),
        head: HeadConstants(head: .softmax, parts: [.init(.softmax)], gamma: 1.5)),
      EvaluationRecord(iteration: 30, epoch: 3, test: result([(0.7, 0.3), (0.4, 0.5)], zsl: 0.3, ausuc: 0.5)),
    ]
  }

  private func results(
    _ select: Selection, _ records: [EvaluationRecord], validation: SelectionRecord? = nil
  ) throws -> Results {
    var configuration = Configuration()
    configuration.select = select
    let dataset = GZSLDataset(
      random: Matrix(rows: 4, columns: 2), labels: [0, 1, 0, 1], descriptors: Matrix(rows: 3, columns: 2))
    return Results(
      records: records, validation: validation,
      Results.Origin(
        dataset: dataset, configuration: configuration, ranks: 1, seconds: 1,
        program: ProgramIdentity(version: "test", digest: "00")))
  }

  @Test func theLastEpochOfTheLastEvaluation() throws {
    let results = try results(.last, records)
    #expect((results.figures.unseen, results.figures.seen, results.figures.zsl) == (0.4, 0.5, 0.3))
    #expect(results.iteration == 30 && results.epoch == 3 && results.classifierEpoch == 2)
    #expect(results.selection == "last" && results.figures.ausuc == 0.5 && results.figures.calibrated == nil)
  }

  /// Without areas of classes the highest AUSUC, of equal ones the first, whatever its H; and as many epochs of all training rows.
  @Test func theFirstPhaseChoosesByAUSUC() throws {
    let choice = SelectionRecord(records, iterationsPerEpoch: 8, lastIteration: 30)
    #expect(choice.iteration == 20 && choice.epoch == 2 && choice.evaluations == 3 && choice.lastIteration == 30)
    #expect(
      choice.figures.ausuc == 0.5 && abs((choice.figures.harmonic ?? 0) - 0.1) < 1e-12 && choice.head.gamma == 1.5)
    // 20 of 8 are two and a half epochs.
    #expect(choice.iterations(iterationsPerEpoch: 10, bound: 0) == 25)
    #expect(choice.iterations(iterationsPerEpoch: 10, bound: 12) == 12)
    let results = try results(.validation, records, validation: choice)
    #expect(results.iteration == 30 && results.selection == "validation" && results.validation == choice)
  }

  /// Of evaluations that differ by less than a standard error over the held-out classes the latest; a clear one before it stays.
  @Test(arguments: [
    // Differences 0.1 and 0.3: mean 0.2, standard error 0.1. Then 0.1 and −0.1: 0 and 0.1.
    ([[0.2, 0.4], [0.5, 0.5], [0.4, 0.2]], 20),
    ([[0.2, 0.4], [0.5, 0.5], [0.4, 0.6]], 30),
    // 3/8 and 0: mean and standard error 3/16, just within it. 3/8 and 1/4: 5/16 and 1/16 are not; 1/4 and 0 before it are.
    ([[0.5, 0.5], [0.25, 0.25], [0.125, 0.5]], 30),
    ([[0.5, 0.5], [0.25, 0.5], [0.125, 0.25]], 20),
    // 9/32 and 1/32: mean 5/32, standard error 4/32.
    ([[0.5, 0.5], [0.21875, 0.46875]], 10),
    // One class has no spread, other numbers of classes are not compared.
    ([[0.5], [0.5], [0.25]], 10),
    ([[0.5, 0.5], [0.5], [0.4, 0.4, 0.4]], 10),
  ])
  func epochsAreThoseOfTheLatestThatIsNotClearlyWorse(areas: [[Double]], expected: Int) {
    let records = areas.enumerated().map { k, areas in
      EvaluationRecord(
        iteration: 10 * (k + 1), epoch: k + 1,
        test: result([(0.5, 0.5)], zsl: 0.5, ausuc: areas.reduce(0, +) / Double(areas.count), areas: areas))
    }
    #expect(records.chosen?.iteration == expected)
    let stacked = records.map { record in
      EvaluationRecord(
        iteration: record.iteration, epoch: record.epoch, test: record.test,
        head: HeadConstants(head: .stacked, parts: [.init(.softmax), .init(.prototype)], gamma: 0))
    }
    let highest = areas.map { $0.reduce(0, +) / Double($0.count) }
    #expect(stacked.chosen?.iteration == highest.firstIndex(of: highest.max() ?? 0).map { 10 * ($0 + 1) })
    // Whatever comes is chosen itself or changes nothing: a checkpoint that was let go is never asked for.
    for count in 1..<records.count {
      let before = Array(records[..<count]).chosen?.iteration
      let after = Array(records[...count]).chosen?.iteration
      #expect(after == before || after == records[count].iteration)
    }
  }

  /// What nothing was counted for is null, and never 0, which would say that all answers were wrong; and is read back as that.
  @Test func withoutRowsOfAKindThereIsNoFigure() throws {
    let accuracies = [0.2, 0.5, 0.25].map { GeneralizedAccuracy(unseen: nil, seen: $0) }
    let test = EvaluationResult(
      last: accuracies[2], history: accuracies, zsl: nil, seenClasses: .none, unseenClasses: .none)
    let record = EvaluationRecord(iteration: 3, epoch: 1, test: test)
    let line = try JSONValue(encoding: record).text()
    #expect(line.contains(#""last":{"unseen":null,"seen":0.25}"#) && line.contains(#""zsl":null"#), "\(line)")
    let read = try JSONDecoder().decode(EvaluationRecord.self, from: Data(line.utf8))
    #expect(read.test == test)
    let results = try results(.last, [read])
    #expect(
      results.figures.unseen == nil && results.figures.harmonic == nil && results.figures.zsl == nil
        && results.figures.seen == 0.25)
    #expect(results.bestOnTest.seen == 0.5 && results.bestOnTest.classifierEpoch == 2)
    let json = try JSONValue(parsing: Array(try results.json().utf8))
    for name in ["unseen", "harmonic", "zsl"] { #expect(json[name] == .null, "\(name)") }
    #expect(json["best_on_test"]?["harmonic"] == .null && results.table.contains("U   n/a   S  25.0   H   n/a"))
    #expect(read.scalars.map(\.tag) == ["test/seen"])
    #expect(PerClassAccuracy.none.mean == nil)
  }

  @Test func bestOnTestIsOverAllEpochs() throws {
    let results = try results(.last, records)
    #expect(results.bestOnTest.iteration == 10 && results.bestOnTest.classifierEpoch == 2)
    #expect((results.bestOnTest.unseen, results.bestOnTest.seen) == (0.6, 0.6))
    // Of equal ones the first.
    let again = try self.results(.last, records + records)
    #expect(again.bestOnTest.iteration == 10)
  }
}
