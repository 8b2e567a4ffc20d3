import Checkpoints
import Files
import Foundation
import Matrices
import Training

/// A task's share of a sweep's runs: every `count`-th.
package struct SweepShare: Sendable {
  let task: Int
  let count: Int

  package static let all = SweepShare()
  private init() { (task, count) = (0, 1) }

  /// - Throws: `SweepError.badShare`.
  package init(task: Int?, count: Int?) throws {
    switch (task, count) {
    case (nil, nil): self = .all
    case (let task?, let count?) where count >= 1 && (0..<count).contains(task): (self.task, self.count) = (task, count)
    default: throw SweepError.badShare(task: task ?? 0, count: count ?? 0)
    }
  }

  var isAll: Bool { count == 1 }
  func holds(_ place: Int) -> Bool { place % count == task }
}

/// Goes through a sweep's runs, one at a time, each a process of its own, and makes the table. Started again it goes on where it was:
/// finished runs are skipped, interrupted ones resumed.
package struct SweepRun {
  private let plan: SweepPlan
  private let folder: String
  private let share: SweepShare
  /// Words before `train`: a launcher, if any, and the program.
  private let command: [String]
  private let log: (String) -> Void

  /// Between two looks at a run, and at a lock.
  private static let pause: UInt32 = 50_000
  /// Looks at the lock of a run whose sweep was killed: it saves its last iteration.
  private static let mostLooks = 1200

  /// - Parameters:
  ///   - command: words before `train`.
  ///   - log: prints a line.
  package init(
    _ plan: SweepPlan, folder: String, share: SweepShare, command: [String], log: @escaping (String) -> Void
  ) {
    (self.plan, self.folder, self.share, self.command, self.log) = (plan, folder, share, command, log)
  }

  /// - Parameter retriesFailed: begin failed runs again.
  /// - Returns: `.done` once this task's share is done, failed runs included; `.stoppedResumable` where something can go on; the first failed
  ///   run's status where every point has one.
  /// - Throws: `SweepError`, `StorageError`, `CheckpointError.inUse` while another sweep works there.
  package func run(retriesFailed: Bool) throws -> ExitStatus {
    let lock = try claim()
    defer { withExtendedLifetime(lock) {} }
    if retriesFailed { try forgetFailures() }
    guard try go(through: plan.trials, options: { $0.point ?? 1 }) else { return .stoppedResumable }
    guard plan.trials.allSatisfy({ outcome($0) != nil }) else {
      log(
        "this task's points are done; those of other tasks are not. Start the sweep again for the table and the winner."
      )
      return .done
    }
    let table = try SweepTable(plan, results: { try results($0) }, failure: { outcome($0)?.failure })
    guard let winner = table.winner else {
      try write(table)
      log("every point has a failed run: there is no winner. What they said is in \(folder)/point-*/*.log")
      let failed = plan.trials.lazy.compactMap { outcome($0)?.status }.first { $0 != 0 }
      return failed.flatMap(ExitStatus.init) ?? .unusableMachine
    }
    log("point \(winner) is best on validation rows: trained anew with \(plan.winnerSeeds.count) other seed(s)")
    let trials = plan.winnerSeeds.map { Trial(point: nil, seed: $0) }
    guard try go(through: trials, options: { _ in winner }) else { return .stoppedResumable }
    guard trials.allSatisfy({ outcome($0) != nil }) else {
      log("this task's share is done; start the sweep again for the table.")
      return .done
    }
    try write(try table.withWinner(trials, results: { try results($0) }, failure: { outcome($0)?.failure }))
    return .done
  }

  // MARK: The folder

  /// Takes the folder, or this task's part of it, for this process, and makes sure that it is this sweep's.
  private func claim() throws -> RunLock {
    let own = share.isAll ? folder : "\(folder)/task-\(share.task)-of-\(share.count)"
    try NewPath.folders(own)
    let lock = try RunLock(runDirectory: own)
    let path = folder + "/sweep.json"
    if let bytes = FileManager.default.contents(atPath: path) {
      let old = (try? JSONValue(parsing: Array(bytes))) ?? .null
      if let difference = plan.difference(to: old) {
        throw SweepError.otherSweep(folder: folder, difference: difference)
      }
    } else {
      try DurableFile.replace(path, contents: Array((plan.json.text(.page) + "\n").utf8))
    }
    return lock
  }

  private func path(_ trial: Trial) -> String { "\(folder)/\(trial.name)" }
  private func outcome(_ trial: Trial) -> TrialOutcome? { TrialOutcome(file: path(trial) + ".json") }

  private func results(_ trial: Trial) throws -> JSONValue? {
    try FileManager.default.contents(atPath: path(trial) + "/results.json").map { try JSONValue(parsing: Array($0)) }
  }

  private func forgetFailures() throws {
    for trial in plan.trials + plan.winnerSeeds.map({ Trial(point: nil, seed: $0) })
    where outcome(trial)?.failure != nil {
      try FileManager.default.removeItem(atPath: path(trial) + ".json")
    }
  }

  private func write(_ table: SweepTable) throws {
    try DurableFile.replace(folder + "/table.json", contents: Array((table.json.text(.page) + "\n").utf8))
    let text = table.lines.joined(separator: "\n")
    try DurableFile.replace(folder + "/table.txt", contents: Array((text + "\n").utf8))
    log("\n" + text)
  }

  // MARK: Runs

  /// This task's share of some runs.
  ///
  /// - Parameter options: number of the point whose options a run has.
  /// - Returns: false if one of them was interrupted.
  private func go(through trials: [Trial], options: (Trial) -> Int) throws -> Bool {
    let own = trials.enumerated().filter { share.holds($0.offset) }.map(\.element)
    let open = own.filter { outcome($0) == nil }
    log("\(own.count) run(s)\(share.isAll ? "" : " of \(trials.count) are this task's"), \(open.count) to do")
    var (isWhole, done, start) = (true, 0, ContinuousClock().now)
    for trial in open {
      guard StopSignal.number == 0 else { return false }
      guard try isFree(trial) else {
        log("\(trial.name): another process works on it; left to it")
        isWhole = false
        continue
      }
      let left =
        done > 0 ? ", about \(Self.duration((ContinuousClock().now - start) / done * (open.count - done))) left" : ""
      log("\(trial.name) begins (\(done + 1) of \(open.count)\(left))")
      if try run(trial, point: options(trial)) == nil { isWhole = false }
      done += 1
    }
    return isWhole
  }

  private static func duration(_ time: Duration) -> String {
    let seconds = Int(time / .seconds(1))
    return seconds < 120 ? "\(seconds) s" : seconds < 7200 ? "\(seconds / 60) min" : "\(seconds / 3600) h"
  }

  /// Waits for a run that is still saving because its sweep was killed.
  private func isFree(_ trial: Trial) throws -> Bool {
    for _ in 0..<Self.mostLooks where StopSignal.number == 0 {
      do {
        try RunLock.requireFree(runDirectory: path(trial))
        return true
      } catch CheckpointError.inUse, CheckpointError.startedTogether { usleep(Self.pause) }
    }
    return false
  }

  /// Begins or resumes a run and waits for it; signals are passed on.
  private func run(_ trial: Trial, point: Int) throws -> TrialOutcome? {
    let (run, output) = (path(trial), path(trial) + ".log")
    try NewPath.folders(parentFolder(of: run))
    // A run whose sweep is killed saves and ends: it would be in the way of the next one.
    let words = ["setpriv", "--pdeathsig", "USR1"] + command + ["train", "--run", run, "--resume", "latest"]
    let child = try ChildProcess(words + plan.arguments(point: point, seed: trial.seed), output: output)
    var passed = 0
    var ending = child.ended
    while ending == nil {
      if StopSignal.count > passed {
        passed = StopSignal.count
        child.send(Int32(StopSignal.number))
      }
      usleep(Self.pause)
      ending = child.ended
    }
    guard let ending, let outcome = TrialOutcome(ending, message: lastLine(output)) else {
      log("\(trial.name) was interrupted; starting the sweep again goes on")
      return nil
    }
    try outcome.write(run + ".json")
    if let failure = outcome.failure { log("\(trial.name) failed with \(failure). \(outcome.message.forTerminal)") }
    return outcome
  }

  /// What a run said last, of its log's end.
  private func lastLine(_ path: String) -> String {
    guard let file = FileHandle(forReadingAtPath: path), let size = try? file.seekToEnd() else { return "" }
    try? file.seek(toOffset: size > 4096 ? size - 4096 : 0)
    let text = String(decoding: (try? file.readToEnd()) ?? Data(), as: UTF8.self)
    return text.split(whereSeparator: \.isNewline).last.map(String.init) ?? ""
  }
}
