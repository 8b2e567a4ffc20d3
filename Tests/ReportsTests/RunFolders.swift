import Files
import Foundation
import TestSupport

@testable import Reports

/// Run directories that are made by hand: what is not given is not there.
struct RunFolder {
  let path: String

  init(_ folder: String, _ name: String) throws {
    path = "\(folder)/\(name)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
  }
  func write(_ name: String, _ json: JSONValue) throws { try write(name, json.text()) }

  func record(_ options: [(name: String, value: String)] = []) throws -> RunRecord {
    if !FileManager.default.fileExists(atPath: path + "/config.yaml") { try write("config.yaml", "seed: 1\n") }
    return try RunRecord(run: path, options: options)
  }

  func writeMetrics(_ count: Int) throws {
    let lines = (1...count).map { number in
      """
      {"iteration": \(number), "critic": {"total": \(number), "penalty": null}, "generator": {"total": \(-number)}, "samples_per_second": 7}

      """
    }
    try write("metrics.jsonl", lines.joined() + "{\"iteration\": 9")
  }
}

/// A page without elements that are open or closed alone, or attributes without quotes; else what is wrong.
func problems(of page: String) -> [String] {
  let alone = ["meta", "!DOCTYPE", "circle", "path"]
  var (open, problems): ([String], [String]) = ([], [])
  for tag in page.matches(of: #/<(/?)([A-Za-z!][A-Za-z0-9]*)((?:\s+[A-Za-z:-]+(?:="[^"<>]*")?)*)\s*(/?)>/#) {
    let (isEnd, name, isEmpty) = (!tag.1.isEmpty, String(tag.2), !tag.4.isEmpty)
    if isEnd {
      if open.last == name { open.removeLast() } else { problems.append("</\(name)> in \(open.last ?? "nothing")") }
    } else if !isEmpty, !["meta", "!DOCTYPE"].contains(name) {
      open.append(name)
    } else if !alone.contains(name) {
      problems.append("<\(name)/>")
    }
  }
  // What is no tag is text, where both signs are escaped.
  let rest = page.replacing(#/<(/?)([A-Za-z!][A-Za-z0-9]*)((?:\s+[A-Za-z:-]+(?:="[^"<>]*")?)*)\s*(/?)>/#, with: "")
    .replacing(#/<style>|figure > svg/#, with: "")
  if let sign = rest.firstIndex(where: { $0 == "<" || $0 == ">" }) {
    problems.append("near \(rest[sign...].prefix(80))")
  }
  return problems + open.map { "<\($0)> is not closed" }
}
