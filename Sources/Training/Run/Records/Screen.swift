import Foundation

/// What a run prints: lines that stay and, on a terminal, one below them that is written anew as the run goes on. Nothing of that
/// one reaches a file or a pipe.
package final class Screen {
  /// Of the terminal now; nil: there is none.
  private let columns: (() -> Int)?
  private let write: (String) -> Void
  private var isStatusShown = false

  private static let eraseLine = "\r\u{1B}[K"
  private static let separator = "  "

  /// - Parameters:
  ///   - columns: of the terminal; nil where lines go to a file or a pipe.
  ///   - write: puts a text out at once.
  package init(columns: (() -> Int)?, write: @escaping (String) -> Void) {
    (self.columns, self.write) = (columns, write)
  }

  /// This process's standard output.
  ///
  /// - Parameter isLaunched: mpirun started this process. It gives ranks a terminal of its own, wherever their lines go in the end, so
  ///   that its starter has to say how wide the real one is: CEGZSL_TERMINAL, which launch/mpirun sets.
  package static func standardOutput(isLaunched: Bool) -> Screen {
    let environment = ProcessInfo.processInfo.environment
    var columns: (() -> Int)?
    if let terminal = environment["TERM"], terminal != "dumb" {
      if isLaunched {
        columns = environment["CEGZSL_TERMINAL"].flatMap { Int($0) }.flatMap { width in width > 0 ? { width } : nil }
      } else if isatty(STDOUT_FILENO) == 1 {
        columns = {
          var size = winsize()
          return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
        }
      }
    }
    return Screen(columns: columns) {
      print($0, terminator: "")
      fflush(nil)
    }
  }

  package var isTerminal: Bool { columns != nil }

  /// A line that stays.
  package func line(_ text: String) {
    clear()
    write(text + "\n")
  }

  /// The line that is written anew: as many of its parts as the terminal is wide, the first ones first. Nothing without a terminal.
  package func status(_ parts: [String]) {
    guard let columns else { return }
    // A line that fills the last column would wrap on some terminals.
    let width = columns() - 1
    var text = ""
    for part in parts {
      let longer = text.isEmpty ? part : text + Self.separator + part
      if longer.count > width { break }
      text = longer
    }
    write(Self.eraseLine + text)
    isStatusShown = true
  }

  /// Takes the line away.
  package func clear() {
    guard isStatusShown else { return }
    write(Self.eraseLine)
    isStatusShown = false
  }
}
