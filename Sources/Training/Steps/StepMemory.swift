// What a step takes besides the storages that it makes: for forecasts.
import Matrices

extension HybridStep {
  /// Floats of the memory of its host's other ranks that this rank reads.
  package var floatsReadElsewhere: Int {
    criticReduction.floatsReadElsewhere + generatorReduction.floatsReadElsewhere
  }

  /// Floats of the kernels' scratch that grow with a group's rows: a look-up's indices, a byte for the slopes of a unit in two rows.
  package var scratchFloats: Int { (largestWorkspace?.critic.slopes.words.count ?? 0) / 2 }

  /// Elements of the rounded copies that bfloat16 has at most at once; 0 in float32. See `keepRounded`.
  package var roundedCount: Int {
    guard model.context.precision == .bfloat16 else { return 0 }
    let parameters = model.arenas.reduce(0) { $0 + $1.values.count }
    guard let w = largestWorkspace else { return parameters }
    // Of both steps: x, x̃; h of one set and of two; z.
    let kept = w.bothRows.count + w.embedded.count + w.embedded.rows(w.realRows).count + (contrast?.keptCount ?? 0)
    // A product's factors of which none is kept: of G's second layer, and one of the gradients.
    let gradients = [w.fakeGradient, w.embeddedGradient, w.generatorHiddenGradient]
    return parameters + kept + w.ahead.hidden.count + (gradients.map(\.count).max() ?? 0)
  }

  private var largestWorkspace: StepWorkspace? { workspaces.values.max { $0.rowCount < $1.rowCount } }
}
