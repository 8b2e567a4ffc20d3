// x̃ of a step's rows: once for several steps where a rank's rows are one group, else group by group. N rows, X feature.
import Kernels
import Matrices
import Networks

extension HybridStep {
  /// x̃ [N×X] of a critic step, or of the generator step behind the last of them, into the group's workspace.
  ///
  /// - Returns: their place among those generated ahead.
  /// - Throws: what the inputs throw.
  @discardableResult
  func fakes(_ rows: IterationRows, step: Int, _ group: RowGroup) throws -> Int {
    let w = workspace(group)
    guard isOneGroup else {
      try rows.fillNoise(w.noise(0), step: step, group.rows)
      generateFakes(w, labels: rows.labels(step, group.rows))
      return 0
    }
    // G does not move before the generator step: fakes of several steps are one product.
    let place = step % w.ahead.stepCount
    if place == 0 {
      let steps = step..<min(step + w.ahead.stepCount, rows.criticIterations + 1)
      for next in steps { try rows.fillNoise(w.noise(next - step), step: next, group.rows) }
      generateFakes(w, labels: steps.flatMap { rows.labels($0, group.rows) })
    }
    if w.ahead.stepCount > 1 {
      copyRows(w.fake, from: w.ahead.output.rows(place * w.rowCount..<(place + 1) * w.rowCount))
    }
    return place
  }

  /// G(noise, descriptor of label) of the first rows of noise.
  private func generateFakes(_ w: StepWorkspace, labels: [Int]) {
    let ahead = w.ahead
    let rows = 0..<labels.count
    model.generator.forward(
      output: ahead.output.rows(rows), hidden: ahead.hidden.rows(rows), noise: ahead.noise.rows(rows),
      base: classes.generatorBase, labels: labels)
  }
}
