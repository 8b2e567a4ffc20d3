// swift-tools-version: 6.0
// Targets are listed bottom-up, in the order in which data flows; a target imports only those above it in this file.
import PackageDescription

// One program for all processors with AVX2, whatever machine builds it (Swift's default is SSE2, a quarter of the speed). The main
// program alone is built for any x86-64: it looks at the processor before it calls the rest.
let settings: [SwiftSetting] = [.unsafeFlags(["-target-cpu", "haswell"])]
// A debug build computes at full speed too, with its assertions on.
let kernelSettings: [SwiftSetting] =
  settings + [.unsafeFlags(["-O", "-assert-config", "Debug"], .when(configuration: .debug))]
// Loops that a debug build, too, needs at full speed.
let loopSettings: [SwiftSetting] = [.unsafeFlags(["-O", "-target-cpu", "haswell"])]
// The same files once more for AVX-512; which of them run is decided when the program starts.
let wideLoopSettings: [SwiftSetting] = [
  .define("WIDE_VECTORS"), .unsafeFlags(["-O", "-target-cpu", "skylake-avx512"]),
]
// And once for tests: the wide loops' arithmetic on a processor without AVX-512.
let emulatedLoopSettings: [SwiftSetting] = [.define("WIDE_VECTORS"), .unsafeFlags(["-O", "-target-cpu", "haswell"])]

let package = Package(
  name: "cegzsl",
  products: [.executable(name: "cegzsl", targets: ["cegzsl"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
  ],
  targets: [
    .systemLibrary(name: "CMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev"])]),
    .systemLibrary(name: "COneDNN", providers: [.apt(["libdnnl-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CMalloc"),
    .systemLibrary(name: "CPrefetch"),
    .systemLibrary(name: "CProcessor"),
    .target(name: "Profiling", swiftSettings: settings),
    .target(name: "Matrices", dependencies: ["CMalloc"], swiftSettings: settings),
    .target(name: "LoopsAVX2", dependencies: ["Matrices", "CPrefetch"], swiftSettings: loopSettings),
    .target(name: "LoopsAVX512", dependencies: ["Matrices", "CPrefetch"], swiftSettings: wideLoopSettings),
    .target(
      name: "Kernels",
      dependencies: ["Matrices", "Profiling", "LoopsAVX2", "LoopsAVX512", "COneDNN", "CPrefetch", "CProcessor"],
      swiftSettings: kernelSettings),
    .target(name: "Collectives", dependencies: ["Matrices", "Profiling", "CMPI"], swiftSettings: settings),
    .target(
      name: "Files",
      dependencies: ["Matrices", "CZlib", "CCrypto", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
      exclude: [
        "Messages/event.proto", "Messages/summary.proto", "Messages/onnx_model.proto", "Messages/onnx_graph.proto",
        "Messages/onnx_node.proto", "Messages/onnx_shape.proto", "Messages/onnx_tensor.proto",
        "Messages/onnx_value.proto",
      ], swiftSettings: settings),
    .target(name: "Datasets", dependencies: ["Matrices", "Kernels", "Files"], swiftSettings: settings),
    .target(name: "Networks", dependencies: ["Matrices", "Kernels"], swiftSettings: settings),
    .target(name: "Losses", dependencies: ["Matrices", "Kernels"], swiftSettings: settings),
    .target(name: "Optimizers", dependencies: ["Matrices", "Kernels"], swiftSettings: settings),
    .target(name: "Checkpoints", dependencies: ["Matrices", "Files"], swiftSettings: settings),
    .target(
      name: "Evaluation",
      dependencies: ["Matrices", "Kernels", "Collectives", "Datasets", "Networks", "Losses", "Optimizers"],
      swiftSettings: settings),
    .target(
      name: "Models",
      dependencies: [
        "Matrices", "Kernels", "Files", "Collectives", "Datasets", "Networks", "Checkpoints", "Evaluation",
      ], swiftSettings: settings),
    .target(
      name: "Training",
      dependencies: [
        "Matrices", "Profiling", "Kernels", "Collectives", "Files", "Datasets", "Networks", "Losses", "Optimizers",
        "Checkpoints", "Evaluation", "Models", .product(name: "Yams", package: "Yams"),
      ], swiftSettings: settings),
    .target(
      name: "Diagnosis", dependencies: ["Matrices", "Kernels", "Collectives", "Files"], swiftSettings: settings),
    .target(
      name: "Planning", dependencies: ["Matrices", "Profiling", "Kernels", "Collectives", "Networks", "Training"],
      swiftSettings: settings),
    .target(
      name: "Reports",
      dependencies: [
        "Matrices", "Kernels", "Files", "Datasets", "Networks", "Checkpoints", "Evaluation", "Models", "Training",
      ], swiftSettings: settings),
    .target(
      name: "Sweeps", dependencies: ["Matrices", "Files", "Checkpoints", "Training"], swiftSettings: settings),
    .executableTarget(
      name: "cegzsl",
      dependencies: [
        "Reports", "Sweeps", "Training", "Diagnosis", "Planning", "Networks", "Evaluation", "Models", "Checkpoints",
        "Datasets", "Files",
        "Collectives", "Kernels", "Matrices",
        "Profiling", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"), "CProcessor",
      ]),
    .target(
      name: "TestSupport", dependencies: ["Matrices", "Collectives"], path: "Tests/TestSupport", swiftSettings: settings
    ),
    .target(
      name: "Fuzzing", dependencies: ["Files", "Checkpoints", "Training", "Sweeps", "Reports", "Matrices"],
      path: "Tests/Fuzzing", swiftSettings: settings),
    .testTarget(name: "ProfilingTests", dependencies: ["Profiling"], swiftSettings: settings),
    .testTarget(name: "MatricesTests", dependencies: ["Matrices", "TestSupport"], swiftSettings: settings),
    .target(
      name: "WideLoops", dependencies: ["Matrices", "CPrefetch"], path: "Tests/WideLoops",
      swiftSettings: emulatedLoopSettings),
    .testTarget(
      name: "KernelsTests", dependencies: ["Kernels", "WideLoops", "Matrices", "TestSupport"],
      swiftSettings: kernelSettings),
    .testTarget(
      name: "CollectivesTests", dependencies: ["Collectives", "Matrices", "TestSupport"], swiftSettings: settings),
    .testTarget(
      name: "FilesTests", dependencies: ["Files", "Matrices", "TestSupport"], resources: [.copy("Fixtures")],
      swiftSettings: settings),
    .testTarget(
      name: "DatasetsTests", dependencies: ["Datasets", "Files", "Matrices", "TestSupport"],
      resources: [.copy("Fixtures")], swiftSettings: settings),
    .testTarget(
      name: "NetworksTests", dependencies: ["Networks", "Kernels", "Matrices", "TestSupport"], swiftSettings: settings),
    .testTarget(
      name: "LossesTests", dependencies: ["Losses", "Kernels", "Matrices", "TestSupport"], swiftSettings: settings),
    .testTarget(
      name: "OptimizersTests", dependencies: ["Optimizers", "Kernels", "Matrices", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "CheckpointsTests", dependencies: ["Checkpoints", "Files", "Matrices", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "ModelsTests",
      dependencies: [
        "Models", "Evaluation", "Checkpoints", "Datasets", "Networks", "Collectives", "Kernels", "Files", "Matrices",
        "TestSupport",
      ], swiftSettings: settings),
    .testTarget(
      name: "EvaluationTests",
      dependencies: ["Evaluation", "Datasets", "Networks", "Kernels", "Collectives", "Matrices", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "TrainingTests",
      dependencies: [
        "Training", "Networks", "Losses", "Optimizers", "Evaluation", "Checkpoints", "Models", "Datasets", "Kernels",
        "Collectives", "Matrices", "Files", "TestSupport",
      ],
      swiftSettings: settings),
    .testTarget(
      name: "PlanningTests",
      dependencies: [
        "Planning", "Training", "Networks", "Kernels", "Collectives", "Matrices", "Profiling", "TestSupport",
      ],
      swiftSettings: settings),
    .testTarget(
      name: "SweepsTests", dependencies: ["Sweeps", "Training", "Files", "Matrices", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "ReportsTests",
      dependencies: ["Reports", "Training", "Models", "Datasets", "Kernels", "Files", "Matrices", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "DiagnosisTests", dependencies: ["Diagnosis", "TestSupport"], swiftSettings: settings),
    .testTarget(
      name: "FuzzingTests", dependencies: ["Fuzzing", "Files"], exclude: ["make_corpus.py"],
      resources: [.copy("Corpus")], swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)

// libFuzzer over the readers: instrumented code that nothing else is to be linked with. launch/fuzz builds it, in a
// folder of its own.
if Context.environment["CEGZSL_FUZZ"] != nil {
  package.targets += [
    .target(name: "CLibFuzzer", path: "Tests/FuzzingProgram/CLibFuzzer"),
    .executableTarget(
      name: "fuzz", dependencies: ["Fuzzing", "CLibFuzzer"], path: "Tests/FuzzingProgram/fuzz", swiftSettings: settings),
  ]
}
