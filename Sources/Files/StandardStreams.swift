import Glibc

/// The process's standard streams and its end, as a user's shell has them: closed, or with nobody who reads.
package enum StandardStreams {
  /// To be called before any file is opened: one would get the number of a stream that is closed, and what is printed. A closed stream
  /// stays one that can neither be read nor written.
  package static func reserve() {
    for (number, access) in [(Int32(0), O_WRONLY), (1, O_RDONLY), (2, O_RDONLY)] where fcntl(number, F_GETFD) == -1 {
      // The lowest number that is free is this one.
      _ = open("/dev/null", access)
    }
  }

  /// Writes to standard error. Where nobody reads, nobody is told.
  package static func error(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      var written = 0
      while written < bytes.count {
        let count = write(2, bytes.baseAddress! + written, bytes.count - written)
        if count < 0 && errno == EINTR { continue }
        if count < 0 && errno == EAGAIN {
          // A stream that does not wait by itself, and is full.
          var room = pollfd(fd: 2, events: Int16(POLLOUT), revents: 0)
          if poll(&room, 1, 5000) > 0 { continue }
        }
        if count <= 0 { return }
        written += count
      }
    }
  }

  /// Signals of a crash end the process at once, as those who wait for it need: the runtime's own handlers, which print a backtrace, wait
  /// for ever for a thread that waits for signals. They stay where SWIFT_BACKTRACE asks for them.
  package static func dieOfCrashes() {
    guard getenv("SWIFT_BACKTRACE") == nil else { return }
    for number in [SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGTRAP, SIGQUIT] { signal(number, SIG_DFL) }
    // What Swift's own checks end with.
    signal(SIGILL) { number in
      let text: StaticString =
        "cegzsl: this process ends because of an error in the program itself; please report it, with the command and what it printed.\n"
      _ = write(2, text.utf8Start, text.utf8CodeUnitCount)
      signal(number, SIG_DFL)
      raise(number)
    }
  }
}
