import Files
import Testing

@Suite struct TerminalTextTests {
  @Test func whatATerminalWouldObeyIsSpeltOut() {
    for (text, shown) in [
      ("striped otter", "striped otter"), ("ü 😀 日本", "ü 😀 日本"), ("", ""), ("\u{1B}[2J", "\\u{1B}[2J"),
      ("a\r\nb\t", "a\\u{D}\\u{A}b\\u{9}"), ("\u{202E}txt\u{200B}", "\\u{202E}txt\\u{200B}"),
      ("\u{9B}31m\u{7F}", "\\u{9B}31m\\u{7F}"),
      ("e\u{301}", "e\u{301}"), ("\u{2028}\u{E000}", "\\u{2028}\\u{E000}"),
    ] {
      #expect(text.forTerminal == shown)
    }
  }

  @Test func pathsAreWordsOfAShell() {
    for (path, word) in [
      ("/data/AWA1-v2.0", "/data/AWA1-v2.0"), ("runs/über", "runs/über"), ("a b", "'a b'"), ("", "''"),
      ("it's", "'it'\\''s'"), ("a'\u{301};b", "'a'\\''\u{301};b'"),
      ("$(x)", "'$(x)'"), ("a\u{1B}b", "'a\\u{1B}b'"), ("~", "'~'"), ("*", "'*'"),
    ] {
      #expect(path.forShell == word)
    }
  }
}
