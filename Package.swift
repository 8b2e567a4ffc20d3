// swift-tools-version: 6.0
// Targets are listed bottom-up, in the order in which data flows; a target imports only those above it in this file.
import Foundation
import PackageDescription

/// The processor to build for: this machine's own vector units (Swift's default is SSE2, a quarter of the speed).
/// `CEGZSL_TARGET_CPU` names another one for a cluster whose nodes differ (an LLVM name such as `haswell`, or `generic`).
func targetCPU() -> String? {
  let chosen = ProcessInfo.processInfo.environment["CEGZSL_TARGET_CPU"] ?? ""
  #if arch(x86_64)
    return chosen == "generic" ? nil : chosen.isEmpty ? "native" : chosen
  #else
    return chosen == "generic" || chosen.isEmpty ? nil : chosen
  #endif
}

let settings: [SwiftSetting] = targetCPU().map { [.unsafeFlags(["-target-cpu", $0])] } ?? []

let package = Package(
  name: "cegzsl",
  products: [.executable(name: "cegzsl", targets: ["cegzsl"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .systemLibrary(name: "CMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev"])]),
    .systemLibrary(name: "COneDNN", providers: [.apt(["libdnnl-dev"])]),
    .systemLibrary(name: "CMatIO", pkgConfig: "matio", providers: [.apt(["libmatio-dev"])]),
    .systemLibrary(name: "CMalloc"),
    .systemLibrary(name: "CPrefetch"),
    .target(name: "Profiling", swiftSettings: settings),
    .target(name: "Matrices", dependencies: ["CMalloc"], swiftSettings: settings),
    .target(name: "Kernels", dependencies: ["Matrices", "Profiling", "COneDNN", "CPrefetch"], swiftSettings: settings),
    .target(name: "Collectives", dependencies: ["Matrices", "Profiling", "CMPI"], swiftSettings: settings),
    .target(
      name: "Files", dependencies: ["Matrices", "CMatIO", .product(name: "Crypto", package: "swift-crypto")],
      swiftSettings: settings),
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
      name: "Training",
      dependencies: [
        "Matrices", "Profiling", "Kernels", "Collectives", "Files", "Datasets", "Networks", "Losses", "Optimizers",
        "Checkpoints", "Evaluation",
      ], swiftSettings: settings),
    .target(
      name: "Diagnosis", dependencies: ["Matrices", "Kernels", "Collectives", "Files"], swiftSettings: settings),
    .target(
      name: "Planning", dependencies: ["Matrices", "Profiling", "Kernels", "Collectives", "Networks", "Training"],
      swiftSettings: settings),
    .executableTarget(
      name: "cegzsl",
      dependencies: [
        "Training", "Diagnosis", "Planning", "Networks", "Evaluation", "Checkpoints", "Datasets", "Files",
        "Collectives", "Kernels", "Matrices",
        "Profiling", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Yams", package: "Yams"),
      ], swiftSettings: settings),
    .target(name: "TestSupport", dependencies: ["Matrices"], path: "Tests/TestSupport", swiftSettings: settings),
    .testTarget(name: "MatricesTests", dependencies: ["Matrices", "TestSupport"], swiftSettings: settings),
    .testTarget(
      name: "FilesTests", dependencies: ["Files", "Matrices", "TestSupport"], resources: [.copy("Fixtures")],
      swiftSettings: settings),
    .testTarget(
      name: "DatasetsTests", dependencies: ["Datasets", "Files", "Matrices", "TestSupport"], swiftSettings: settings),
    .testTarget(
      name: "CheckpointsTests", dependencies: ["Checkpoints", "Files", "Matrices", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "KernelsTests", dependencies: ["Kernels", "Matrices", "TestSupport"], swiftSettings: settings),
    .testTarget(
      name: "TrainingTests",
      dependencies: [
        "Training", "Networks", "Losses", "Optimizers", "Evaluation", "Kernels", "Collectives", "Matrices",
        "Files", "TestSupport",
      ],
      swiftSettings: settings),
    .testTarget(
      name: "PlanningTests", dependencies: ["Planning", "Training", "Networks", "Collectives", "Matrices"],
      swiftSettings: settings),
    .testTarget(
      name: "DiagnosisTests", dependencies: ["Diagnosis", "TestSupport"], swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
