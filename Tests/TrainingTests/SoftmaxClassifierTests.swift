import Evaluation
import Kernels
import Matrices
import Testing

@Suite struct SoftmaxClassifierTests {
  /// Conventional zero-shot learning: candidates left out are never chosen, however well they fit.
  @Test func choosesAmongTheGivenCandidatesOnly() {
    let softmax = SoftmaxClassifier(
      inputSize: 3, classCount: 3, source: RandomSource(seed: 3), drawNumber: 0, context: ProductContext())
    let x = Matrix(rows: 3, columns: 3, elements: [1, 0, 0, 0, 1, 0, 0, 0.5, 1])
    softmax.train(
      x: x, labels: [0, 1, 2], settings: ClassifierSettings(epochs: 400, learningRate: 0.05, batchSize: 3))
    #expect(softmax.predictions(x) == [0, 1, 2])
    #expect(softmax.predictions(x, among: [0, 2]) == [0, 2, 2])
    #expect(softmax.predictions(x, among: [1]) == [1, 1, 1])
  }
}
