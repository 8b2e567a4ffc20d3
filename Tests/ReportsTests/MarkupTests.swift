import Testing

@testable import Reports

@Suite struct MarkupTests {
  @Test func textsAreEscapedAndPiecesAreNot() {
    let name = "<b>\"Tom\" & 'Ann'</b>\u{202E}\u{0}"
    let inner: Markup = "<i>\(name)</i>"
    let cell: Markup = "<td>\(inner)\([inner, inner])\(7)\(1.25)</td>"
    let escaped = "<i>&lt;b&gt;&quot;Tom&quot; &amp; &#39;Ann&#39;&lt;/b&gt;\\u{202E}\\u{0}</i>"
    #expect(cell.text == "<td>\(escaped)\(escaped)\(escaped)71.3</td>")
  }

  @Test(arguments: [
    (0, "0"), (-0.04, "0"), (-0.05, "-0.1"), (12.34, "12.3"), (12.96, "13"), (-7.5, "-7.5"), (.nan, "0"),
    (.infinity, "0"),
  ]) func coordinatesAreShort(value: Double, text: String) {
    #expect(value.coordinate == text)
  }

  @Test(arguments: [(0.0, 100.0), (0.0, 0.0), (-3.2, 7.1), (0.8213, 0.8214), (5.0, 5.0), (1e-9, 3e-9), (0, 3e7)])
  func anAxisHasAFewRoundNumbersWithinIt(low: Double, high: Double) {
    for isFixed in [true, false] {
      let axis = Axis(low...high, isFixed: isFixed)
      #expect((2...12).contains(axis.ticks.count), "\(axis.ticks)")
      #expect(
        axis.range.lowerBound <= low && axis.range.upperBound >= high && axis.range.lowerBound < axis.range.upperBound)
      #expect(Set(axis.ticks.map(axis.text)).count == axis.ticks.count, "\(axis.ticks.map(axis.text))")
    }
  }
}
