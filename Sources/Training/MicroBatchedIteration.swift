// The same iteration for batches whose activations would not fit: in micro-batches, exact. N local rows of a micro-batch.
import Kernels
import Matrices

extension HybridStep {
  /// Each step goes over its micro-batches twice: first to the projections of all rows, from which the one global instance-level
  /// loss gives their gradients; then to the parameters' gradients, micro-batch after micro-batch, added up in that order.
  /// Everything that a row needs is drawn or computed again rather than kept.
  func iterationInMicroBatches(
    _ inputs: some IterationInputs, _ batches: [Batch], learningRate: Double, place: String,
    afterCriticStep: (Int, CriticLosses) throws -> Void
  ) throws -> (critic: CriticLosses, generator: GeneratorLosses) {
    var losses = CriticLosses()
    for (k, batch) in batches.enumerated() {
      let parts = try criticGradients(inputs, batch, k)
      losses = try criticLosses(parts, name: "\(place), critic step \(k + 1)")
      accumulateComparatorGradient()
      criticOptimizer.update(model.criticArena, learningRate: learningRate)
      try afterCriticStep(k, losses)
    }
    let last = batches.count - 1
    let parts = try generatorGradients(inputs, batches[last], last)
    let generator = try generatorLosses(parts, name: "\(place), generator step")
    generatorOptimizer.update(model.generatorArena, learningRate: learningRate)
    return (losses, generator)
  }

  /// The gradients of the global batch, left in the critic group's arena, and this rank's part of the loss sums.
  private func criticGradients(_ inputs: some IterationInputs, _ batch: Batch, _ k: Int) throws -> CriticParts {
    var sums = CriticParts()
    if let contrast, let embedding = model.embedding, let projection = model.projection {
      for index in microBatches.rows.indices {
        enter(index)
        let (w, rows) = (workspace, localRows(index))
        try inputs.fillFeatures(w.real, k, rows: rows)
        let h = w.embedded.rows(w.realRows)
        embedding.forward(h: h, x: w.real)
        projection.forward(z: contrast.rows(.real, index), norms: w.norms, h: h)
      }
      sums.instance = try contrast.evaluate(labels: batch.labels, sets: [.real], weight: 1)
    }
    try addUp(model.criticArena, into: criticSum) { index in
      let (w, rows) = (workspace, localRows(index))
      let slice = batch.slice(microBatches.rows[index], local: rows)
      try inputs.fillNoise(w.noise(0), k, rows: rows)
      generateFakes([slice])
      try inputs.fillFeatures(w.real, k, rows: rows)
      try inputs.fillInterpolation(w.alpha, k, rows: rows)
      sums.add(try criticPart(slice))
    }
    return sums
  }

  /// The gradients of the global batch, left in the generator's arena, and this rank's part of the loss sums.
  private func generatorGradients(_ inputs: some IterationInputs, _ batch: Batch, _ k: Int) throws -> GeneratorParts {
    var sums = GeneratorParts()
    if let contrast, let embedding = model.embedding, let projection = model.projection {
      for index in microBatches.rows.indices {
        enter(index)
        let (w, rows) = (workspace, localRows(index))
        try inputs.fillGeneratorNoise(w.noise(0), rows: rows)
        generateFakes([batch.slice(microBatches.rows[index], local: rows)])
        try inputs.fillFeatures(w.real, k, rows: rows)
        embedding.forward(h: w.embedded, x: w.bothRows)
        for (set, part) in [(InstanceContrast.RowSet.real, w.realRows), (.fake, w.fakeRows)] {
          projection.forward(
            z: contrast.rows(set, index), norms: w.norms.columns(part), h: w.embedded.rows(part))
        }
      }
      sums.instance = try contrast.evaluate(
        labels: batch.labels, sets: [.real, .fake], weight: settings.instanceWeight)
    }
    try addUp(model.generatorArena, into: generatorSum) { index in
      let rows = localRows(index)
      let slice = batch.slice(microBatches.rows[index], local: rows)
      try inputs.fillGeneratorNoise(workspace.noise(0), rows: rows)
      generateFakes([slice])
      sums.add(try generatorPart(slice, fakes: 0))
    }
    return sums
  }

  /// Adds the gradients that `part` leaves in the arena for each micro-batch, and leaves their sum there.
  private func addUp(_ arena: ParameterArena, into sum: FloatStorage?, _ part: (Int) throws -> Void) throws {
    guard let sum else { preconditionFailure("one micro-batch has nothing to be added to") }
    for index in microBatches.rows.indices {
      enter(index)
      try part(index)
      if index == 0 {
        arena.flat(sum).copy(from: arena.flat(arena.gradients))
      } else {
        addStorage(sum, arena.gradients, 0..<arena.count)
      }
    }
    arena.flat(arena.gradients).copy(from: arena.flat(sum))
  }
}
