/// How the page looks: one style sheet, for light and dark, for narrow and wide, for a screen and for paper.
enum Style {
  /// Colours that people with any colour vision can tell apart, at least 3:1 against the background; each comes with a dash, a shape or a
  /// letter.
  static let colorCount = 6

  /// Dashes of lines, by the line's number.
  static func dash(_ number: Int) -> String { ["", "7 3", "2 3", "9 3 2 3", "5 2 5 6", "1 4"][number % 6] }

  static let sheet = """
    :root { color-scheme: light dark; --page: #fff; --text: #1b1b1f; --soft: #5a5a66; --line: #d5d5de; --panel: #f5f5f8;
      --link: #0058a3; --c0: #0072b2; --c1: #c44e00; --c2: #00805c; --c3: #a0478b; --c4: #8a6a00; --c5: #55555f; --heat: 0, 88, 163 }
    @media (prefers-color-scheme: dark) { :root { --page: #16171a; --text: #ececf1; --soft: #a9a9b6; --line: #3a3b42; --panel: #202127;
      --link: #7cc4ff; --c0: #56b4e9; --c1: #f09a4b; --c2: #3ccb9b; --c3: #e59ac8; --c4: #e3d65a; --c5: #b9b9c4; --heat: 124, 196, 255 } }
    * { box-sizing: border-box }
    html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth }
    @media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto } }
    body { margin: 0 auto; max-width: 76rem; padding: 0 1rem 3rem; background: var(--page); color: var(--text);
      font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word }
    h1 { font-size: 1.5rem; line-height: 1.25; margin: 1.2rem 0 .3rem } h2 { font-size: 1.2rem; margin: 2.2rem 0 .4rem; padding-top: .6rem;
      border-top: 1px solid var(--line) } h3 { font-size: 1rem; margin: 1.2rem 0 .3rem } p { margin: .4rem 0; max-width: 52rem }
    a { color: var(--link) } a:focus-visible, summary:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--link);
      outline-offset: 2px } .skip { position: absolute; left: -99rem } .skip:focus { left: 1rem; top: .5rem; background: var(--page) }
    nav ul { list-style: none; padding: 0; margin: .6rem 0; display: flex; flex-wrap: wrap; gap: .2rem .4rem }
    nav a { display: inline-block; padding: .3rem .6rem; border: 1px solid var(--line); border-radius: .4rem; text-decoration: none }
    .soft, figcaption, caption { color: var(--soft); font-size: .875rem } code, pre { font: .85em/1.45 ui-monospace, monospace }
    pre { background: var(--panel); padding: .7rem; border-radius: .4rem; overflow-x: auto; white-space: pre-wrap }
    .scroll { overflow-x: auto; max-width: 100%; margin: 0 0 .8rem } .tall { max-height: 34rem; overflow-y: auto }
    table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem } caption { text-align: left; padding: .3rem 0 }
    th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top }
    th:first-child, td:first-child, td.left, th.left { text-align: left } thead th { position: sticky; top: 0; background: var(--panel) }
    th, td { white-space: nowrap } td.text, tbody th { text-align: left; white-space: normal; min-width: 6rem; max-width: 24rem;
      overflow-wrap: anywhere } td.best { font-weight: 700 }
    .charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); gap: .8rem }
    figure { margin: .5rem 0; padding: .6rem; background: var(--panel); border-radius: .5rem; min-width: 0 } .wide { max-width: 44rem }
    figure > svg { display: block; width: 100%; height: auto } figcaption { margin-top: .3rem }
    .name { font-weight: 600; color: var(--text) }
    svg text { font: 13px system-ui, sans-serif; fill: var(--text) } svg .tick { font-size: 12px; fill: var(--soft) }
    svg .axis { stroke: var(--soft); fill: none } svg .grid { stroke: var(--line); fill: none } svg .curve { fill: none; stroke-width: 2;
      stroke-linejoin: round }
    .k0 { stroke: var(--c0) } .k1 { stroke: var(--c1) } .k2 { stroke: var(--c2) } .k3 { stroke: var(--c3) } .k4 { stroke: var(--c4) }
    .k5 { stroke: var(--c5) } .f0 { fill: var(--c0) } .f1 { fill: var(--c1) } .f2 { fill: var(--c2) } .f3 { fill: var(--c3) }
    .f4 { fill: var(--c4) } .f5 { fill: var(--c5) } svg text.halo { paint-order: stroke; stroke: var(--panel); stroke-width: 3px }
    .heat { fill: rgb(var(--heat)) }
    .bar { --kind: var(--c0); display: inline-block; min-width: 8.1rem; padding-left: 5.4rem;
      background: linear-gradient(90deg, var(--kind) var(--w), var(--line) 0) no-repeat left center / 5rem .7rem }
    .unseen .bar { --kind: var(--c1) }
    .legend { list-style: none; padding: 0; margin: .4rem 0; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem }
    .legend svg { width: 2.4rem; height: .9rem; vertical-align: middle; margin-right: .3rem } .badge { font-weight: 700 }
    summary { cursor: pointer; padding: .25rem 0; color: var(--link) } .absent { border-left: 4px solid var(--line); padding-left: .7rem }
    @media print { nav, .skip { display: none } figure { break-inside: avoid } .tall { max-height: none } }

    """
}
