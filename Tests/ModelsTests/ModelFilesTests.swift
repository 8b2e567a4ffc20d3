import Checkpoints
import Datasets
import Evaluation
import Files
import Kernels
import Matrices
import Models
import Networks
import TestSupport
import Testing

/// What the files of a model hold comes back as it was; what cannot be a model's is refused.
@Suite struct ModelFilesTests {
  private let names = ["cat", "", "a \"b\"\\\n\t", "\u{1B}[31mred", "ü 😀", "nul\u{0}"]

  private func noise(_ rows: Int, _ columns: Int) -> Matrix {
    let x = Matrix(rows: rows, columns: columns)
    fillNormal(x, RandomSource(seed: 2), .synthesis, step: rows, firstRow: 0)
    return x
  }

  private var classes: ClassesFile {
    let range = Matrix(rows: 1, columns: 3, elements: [1, 0.5, 1e-30])
    return ClassesFile(
      classes: ClassTable(
        names: names, descriptors: noise(6, 4), roles: [.seen, .unseen, .unused, .seen, .unseen, .seen]),
      scaling: FeatureScaling(minimum: noise(1, 3), range: range, maximum: 0.75),
      origin: DataOrigin(
        datasetDigest: "d1", classEmbeddingFile: "att \"splits\".mat",
        split: SplitFingerprint(trainval: [0], testSeen: [1], testUnseen: [2, 3]), trainingRowCount: 17))
  }

  private var classifier: ClassifierFile {
    let bias = Matrix(rows: 1, columns: 3, elements: [0.5, -.infinity, 1])
    let unseenBias = Matrix(rows: 1, columns: 3, elements: [-.infinity, -.infinity, 2])
    let accuracy = GeneralizedAccuracy(unseen: 0.5, seen: 1.0 / 3)
    let evaluated = Evaluated(
      test: EvaluationResult(
        last: accuracy, history: [.init(unseen: 0, seen: 0), accuracy], zsl: 0.25, seenClasses: .none,
        unseenClasses: .none),
      classifiers: FinalClassifiers(
        generalized: FinalLayer(weight: noise(3, 2), bias: bias),
        unseenOnly: FinalLayer(weight: noise(3, 2), bias: unseenBias), epoch: 2))
    return ClassifierFile(
      evaluated,
      maker: .init(
        programVersion: "9.9", iteration: 12, epoch: 3, datasetDigest: "d1", options: ["seed": "1", "select": "last"]))
  }

  /// The part as a file, perhaps with other metadata or other tensors.
  private func file(
    _ part: CheckpointPart, metadata: KeyValuePairs<String, String?> = [:], tensors: [Tensor] = []
  ) throws -> SafetensorsFile {
    try withTemporaryFolder { folder in
      var all = part.metadata
      for (key, value) in metadata { all[key] = value }
      let kept = part.tensors.filter { tensor in !tensors.contains { $0.name == tensor.name } }
      let path = folder + "/x.safetensors"
      try SafetensorsFile.write(path: path, tensors: kept + tensors, metadata: all)
      return try SafetensorsFile(path: path)
    }
  }

  @Test func classesComeBack() throws {
    let read = try ClassesFile(file(classes.part()))
    #expect(read.classes.names == names && read.classes.roles == classes.classes.roles)
    #expect(read.classes.descriptors.elements == classes.classes.descriptors.elements)
    #expect(read.classes.attributeSize == 4 && read.origin == classes.origin)
    #expect(read.scaling.minimum.elements == classes.scaling.minimum.elements)
    #expect(read.scaling.range.elements == [1, 0.5, 1e-30] && read.scaling.maximum == 0.75)
    #expect(read.classes.classes(.seen) == [0, 3, 5] && read.classes.number(of: "ü 😀") == 4)
  }

  @Test func namesAreJSONForOthers() throws {
    let text = try #require(try classes.part().metadata["class_names"])
    #expect(
      text == #"["cat","","a \"b\"\\\n\t","\u001b[31mred","ü 😀","nul\u0000"]"#)
  }

  @Test func classifiersComeBack() throws {
    let read = try ClassifierFile(file(classifier.part()))
    #expect(read.figures == classifier.figures && read.maker == classifier.maker && read.classifiers.epoch == 2)
    #expect(read.figures?.harmonic == 0.4 && read.figures?.seen == 1.0 / 3)
    for (a, b) in [
      (read.classifiers.generalized, classifier.classifiers.generalized),
      (read.classifiers.unseenOnly, classifier.classifiers.unseenOnly),
    ] {
      #expect(a.weight.elements == b.weight.elements && a.bias.elements == b.bias.elements)
      #expect(a.candidates == b.candidates)
    }
    let untested = ClassifierFile(classifiers: classifier.classifiers, figures: nil, maker: classifier.maker)
    #expect(try ClassifierFile(file(untested.part())).figures == nil)
    #expect(read.classifiers.generalized.candidates == [0, 2] && read.classifiers.unseenOnly.candidates == [2])
  }

  /// A head with two cosines beside the softmax, one of which maps its input, and Gaussian classes.
  private func stacked() -> ClassifierFile {
    let mean = noise(1, 2)
    func deviation(_ values: [Float]) -> Matrix { Matrix(rows: 1, columns: values.count, elements: values) }
    let terms = [
      HeadTerm(
        .ridgeFeatures, standardisation: (noise(1, 4), deviation([1, 2, 3, 0.5])), targets: noise(3, 4), weight: 20),
      HeadTerm(
        .ridgeEmbedding, standardisation: (mean, deviation([0.25, 1])), map: noise(2, 5), targets: noise(3, 5),
        weight: 10),
      HeadTerm(
        .gaussianFeatures, standardisation: (noise(1, 4), deviation([1, 1, 3, 0.5])), targets: noise(3, 4),
        comparison: .linear(bias: noise(1, 3)), weight: 5),
    ]
    let constants = HeadConstants(
      head: .stacked,
      parts: [
        .init(.softmax), .init(.ridgeFeatures, weight: 20, TermConstants(penalty: 0.3)),
        .init(.ridgeEmbedding, weight: 10, TermConstants(penalty: 1)),
        .init(.gaussianFeatures, weight: 5, TermConstants(penalty: 0.1, kernelWidth: 3, shrinkage: 0.6)),
      ],
      gamma: -0.125)
    let old = classifier.classifiers
    return ClassifierFile(
      classifiers: FinalClassifiers(
        generalized: old.generalized, unseenOnly: old.unseenOnly, epoch: 2, terms: terms, constants: constants),
      figures: nil, maker: classifier.maker)
  }

  @Test func headsComeBack() throws {
    let (head, part) = (stacked(), try stacked().part())
    let read = try ClassifierFile(file(part)).classifiers
    #expect(part.metadata["format_version"] == "3", "version 2 had cosines alone")
    #expect(try classifier.part().metadata["format_version"] == "1" && classifier.part().metadata["head"] == nil)
    #expect(read.constants == head.classifiers.constants && read.needsFeatures && read.terms.count == 3)
    for (a, b) in zip(read.terms, head.classifiers.terms) {
      #expect(a.part == b.part && a.weight == b.weight && a.map?.elements == b.map?.elements)
      #expect(a.mean.elements == b.mean.elements && a.deviation.elements == b.deviation.elements)
      #expect(a.targets.elements == b.targets.elements && a.bias?.elements == b.bias?.elements)
    }
    for (metadata, tensors) in [
      ([:], [Tensor(name: "ridge_features.deviation", shape: [4], floats: [1, 1, 0, 1])]),
      ([:], [Tensor(name: "ridge_embedding.map", shape: [3, 5], floats: [Float](repeating: 1, count: 15))]),
      ([:], [Tensor(name: "ridge_features.targets", shape: [2, 4], floats: [Float](repeating: 1, count: 8))]),
      (["head": #"{"head":"stacked","parts":[{"part":"magic","weight":1}]}"#], []),
      (["head": #"{"head":"zla","parts":[{"part":"zla","weight":1}]}"#], []),
      (["head": #"{"head":"stacked","parts":[{"part":"softmax","weight":1},{"part":"softmax","weight":1}]}"#], []),
      (["head": #"{"head":"ridge","parts":[{"part":"ridge_features","weight":0}]}"#], []),
      ([:], [Tensor(name: "gaussian_features.bias", shape: [2], floats: [1, 1])]),
      (["format_version": "4"], []),
    ] as [(KeyValuePairs<String, String?>, [Tensor])] {
      #expect(throws: (any Error).self, "\(metadata) \(tensors.map(\.name))") {
        try ClassifierFile(file(part, metadata: metadata, tensors: tensors))
      }
    }
  }

  @Test func whatIsNoClassesFileIsRefused() throws {
    let part = try classes.part()
    func refuses(_ says: String, metadata: KeyValuePairs<String, String?> = [:], _ tensors: Tensor...) {
      let error = #expect(throws: (any Error).self, "\(says)") {
        try ClassesFile(file(part, metadata: metadata, tensors: tensors))
      }
      #expect(error.map { "\($0)" }?.contains(says) == true, "\(String(describing: error))")
    }
    refuses("lacks 'class_names'", metadata: ["class_names": nil])
    refuses("is no JSON", metadata: ["class_names": "cat"])
    refuses("no JSON array", metadata: ["class_names": "{}"])
    refuses("what is no text", metadata: ["class_names": "[1]"])
    refuses("of different classes", metadata: ["class_names": #"["a","b"]"#])
    refuses("of different classes", metadata: ["class_names": #"["a","b","c","d","e","a"]"#])
    refuses("no file of the format", metadata: ["format": "cegzsl classifier"])
    refuses("Update the program", metadata: ["format_version": "2"])
    refuses("no number", metadata: ["training_rows": "-1"])
    refuses("not what it should be", metadata: ["split": "{}"])
    refuses("has the shape [2]", Tensor(name: "scaler.range", shape: [2], floats: [1, 1]))
    refuses("divides by 0", Tensor(name: "scaler.range", shape: [3], floats: [1, 0, 1]))
    refuses("divides by 0", Tensor(name: "scaler.range", shape: [3], floats: [1, .nan, 1]))
    refuses("divides by 0", Tensor(name: "scaler.maximum", shape: [1], floats: [0]))
    refuses("of different classes", Tensor(name: "seen", shape: [5], data: .uint8([1, 1, 1, 1, 1])))
  }

  @Test func whatIsNoClassifierIsRefused() throws {
    let part = try classifier.part()
    for tensors in [
      [Tensor(name: "softmax.bias", shape: [2], floats: [0, 0])],
      [Tensor(name: "softmax.bias", shape: [3], floats: [-.infinity, -.infinity, .nan])],
      [
        Tensor(name: "softmax.bias", shape: [2], floats: [0, 0]),
        Tensor(name: "softmax.weight", shape: [2, 2], floats: [0, 0, 0, 0]),
      ],
    ] {
      #expect(throws: (any Error).self) { try ClassifierFile(file(part, tensors: tensors)) }
    }
    #expect(throws: ModelError.self) { try ClassifierFile(file(classes.part())) }
  }

  @Test(arguments: EmbeddingKind.allCases) func sizesAreThoseOfTheParameters(_ kind: EmbeddingKind) throws {
    var sizes = ModelSizes(
      feature: 7, attribute: 5, noise: 3, generatorWidth: 11, criticWidth: 13, embedding: 17, projection: 19,
      comparatorWidth: 23, kind: kind)
    let model = HybridModel(sizes: sizes, context: ProductContext())
    model.initialise(RandomSource(seed: 1))
    let file = try file(CheckpointPart(model.tensors))
    let read = try ModelSizes(of: file)
    // What a kind does not have, no file can tell.
    sizes.embedding = kind == .semantic ? 5 : kind == .none ? 1 : 17
    sizes.projection = kind.hasProjection ? 19 : 1
    sizes.comparatorWidth = kind.hasComparator ? 23 : 1
    #expect(read == sizes)
    let again = HybridModel(sizes: read, context: ProductContext())
    try again.restore(from: file)
    #expect(again.arenas.map { Digest.of($0.values) } == model.arenas.map { Digest.of($0.values) })
  }

  @Test func layersOfDifferentModelsAreRefused() throws {
    let part = CheckpointPart([
      Tensor(name: "generator.fc1.weight", matrix: noise(4, 3)),
      Tensor(name: "generator.fc2.weight", matrix: noise(5, 4)),
      Tensor(name: "critic.fc1.weight", matrix: noise(4, 5)),
    ])
    #expect(throws: ModelError.self) { try ModelSizes(of: file(part)) }
    #expect(throws: ModelError.self) {
      try ModelSizes(of: file(part, tensors: [Tensor(name: "critic.fc1.weight", shape: [3], floats: [1, 1, 1])]))
    }
    #expect(throws: SafetensorsError.self) { try ModelSizes(of: file(CheckpointPart([]))) }
  }

  @Test func classesAreAddedAndRemoved() {
    let table = classes.classes
    let more = table.adding(["dog", "eel"], descriptors: noise(2, 4))
    #expect(more.count == 8 && more.number(of: "eel") == 7 && more.roles.suffix(2) == [.unseen, .unseen])
    #expect(more.descriptors.rows(0..<6).elements == table.descriptors.elements)
    #expect(more.descriptors.rows(6..<8).elements == noise(2, 4).elements)
    let fewer = more.removing([0, 6])
    #expect(
      fewer.names == Array(names.dropFirst()) + ["eel"] && fewer.roles == Array(table.roles.dropFirst()) + [.unseen])
    #expect(fewer.descriptors.rows(5..<6).elements == noise(2, 4).rows(1..<2).elements)
  }
}

extension Digest {
  fileprivate static func of(_ storage: FloatStorage) -> String {
    var digest = Digest()
    digest.add(storage)
    return digest.hexadecimal()
  }
}
