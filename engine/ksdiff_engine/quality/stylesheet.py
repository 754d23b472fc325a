"""The look of a report: on screens bright and dark, in narrow windows and on paper.

No custom properties and grid only where it is known, since QGIS may show the page in an old WebKit.
"""

from __future__ import annotations

STYLE = """
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: #f4f6f8; color: #1c2733; line-height: 1.5;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
  font-size: 15px; }
header { background: #12324a; color: #fff; border-bottom: 4px solid #e08214; }
header div, main, footer { max-width: 1140px; margin: 0 auto; padding: 0 24px; }
header div { padding-top: 30px; padding-bottom: 26px; }
h1 { margin: 0; font-size: 29px; line-height: 1.2; font-weight: 650; }
header p { margin: 12px 0 0; max-width: 78ch; font-size: 16.5px; color: #dbe7f0; }
nav { margin-top: 16px; font-size: 14px; }
nav a { color: #ffc680; margin-right: 20px; white-space: nowrap; }
h1, h2, h3, p, li, dd, figcaption { overflow-wrap: break-word; word-wrap: break-word; }
section { background: #fff; border: 1px solid #dde3e9; border-radius: 10px;
  margin: 20px 0; padding: 20px 24px 22px; }
h2 { margin: 0 0 10px; font-size: 20px; }
h3 { margin: 20px 0 6px; font-size: 16px; }
p { margin: 6px 0 10px; max-width: 92ch; }
.quiet, figcaption, footer { color: #5a6877; font-size: 13.5px; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip: rect(0 0 0 0); white-space: nowrap; }

dl { margin: 0; }
.facts dt { color: #5a6877; font-size: 13.5px; margin-top: 8px; }
.facts dd { margin: 0; unicode-bidi: isolate; overflow-wrap: anywhere; }
.terms dt { margin-top: 12px; font-weight: 600; }
.terms dt span { font-weight: 400; color: #5a6877; }
.terms dd { margin: 1px 0 0; max-width: 92ch; }

.scroll { position: relative; overflow-x: auto; margin: 8px 0; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 7px 8px; border-bottom: 1px solid #e3e8ed; text-align: right;
  white-space: nowrap; }
tbody th { font-weight: 500; text-align: left; position: sticky; left: 0; background: #fff;
  white-space: normal; min-width: 11em; overflow-wrap: anywhere; }
thead th { border-bottom: 2px solid #12324a; vertical-align: bottom; font-weight: 600; }
thead th:first-child { text-align: left; }
thead small { display: block; font-weight: 400; color: #5a6877; font-size: 12.5px; }
tbody tr:hover td, tbody tr:hover th { background: #f3f7fa; }
td.best, tbody tr:hover td.best { background: #fdebd3; font-weight: 700; }
.star { color: #b35c00; font-weight: 400; }
.missing { color: #5a6877; }
abbr { text-decoration: none; }
sup { line-height: 0; }

.panels figure { display: inline-block; vertical-align: top; width: 204px; margin: 0 12px 16px 0; }
.panels.large figure { width: 278px; }
.panels.wide figure { width: 424px; max-width: 100%; }
.panels img { width: 100%; height: auto; display: block; border-radius: 5px; }
figcaption { padding-top: 5px; line-height: 1.35; }
figcaption b { color: #1c2733; font-weight: 600; }
@supports (display: grid) {
  .panels { display: grid; gap: 16px 14px;
    grid-template-columns: repeat(auto-fill, minmax(195px, 1fr)); }
  .panels.large { grid-template-columns: repeat(auto-fill, minmax(260px, 1fr)); }
  .panels.wide { grid-template-columns: repeat(auto-fit, minmax(340px, 1fr)); }
  .panels figure, .panels.large figure, .panels.wide figure { width: auto; margin: 0;
    min-width: 0; }
  .facts { display: grid; column-gap: 36px; row-gap: 9px;
    grid-template-columns: repeat(auto-fill, minmax(255px, 1fr)); }
  .facts dt { margin: 0; }
  .terms { display: grid; column-gap: 36px; row-gap: 12px;
    grid-template-columns: repeat(auto-fill, minmax(min(440px, 100%), 1fr)); }
  .terms dt { margin: 0; }
}
.scale { max-width: 460px; margin: 6px 0 0; font-size: 13.5px; }
.scale img { width: 100%; height: 14px; display: block; border-radius: 3px; }
.scale table { table-layout: fixed; }
.scale td { border: 0; padding: 2px 0; text-align: center; }
.scale td:first-child { text-align: left; }
.scale td:last-child { text-align: right; }
.swatch { display: inline-block; width: 14px; height: 14px; background: #80858d;
  border-radius: 3px; vertical-align: -2px; }
svg { width: 100%; height: auto; display: block; }
svg text { font-family: inherit !important; }
.legend { list-style: none; padding: 0; margin: 8px 0 4px; }
.legend li { display: inline-block; margin-right: 18px; white-space: nowrap; }
details { margin-top: 8px; }
summary { cursor: pointer; color: #1c5d8c; font-size: 14px; }
footer { padding-top: 2px; padding-bottom: 34px; }

@media (min-width: 980px) {
  .panels.of1, .panels.of2 { grid-template-columns: repeat(2, 1fr); }
  .panels.of3 { grid-template-columns: repeat(3, 1fr); }
  .panels.of4 { grid-template-columns: repeat(4, 1fr); }
  .panels.of5 { grid-template-columns: repeat(5, 1fr); }
}
@media (max-width: 620px) {
  header div, main, footer { padding-left: 14px; padding-right: 14px; }
  section { padding: 16px 14px; border-radius: 8px; }
  h1 { font-size: 23px; }
  th, td { padding: 6px 8px; }
  tbody th { min-width: 7.5em; }
  .panels { grid-template-columns: repeat(auto-fill, minmax(140px, 1fr)); }
  .panels.large { grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); }
  .panels.wide { grid-template-columns: 1fr; }
  .legend li { white-space: normal; }
}
@media screen and (prefers-color-scheme: dark) {
  body { background: #11161b; color: #dfe6ec; }
  header { background: #0d2536; }
  section, tbody th { background: #192027; }
  section { border-color: #2b353f; }
  .quiet, figcaption, footer, .facts dt, .terms dt span, thead small, .missing { color: #9aa8b5; }
  figcaption b { color: #dfe6ec; }
  th, td { border-color: #2b353f; }
  thead th { border-color: #6d8ba3; }
  tbody tr:hover td, tbody tr:hover th { background: #202932; }
  td.best, tbody tr:hover td.best { background: #4a3413; }
  .star { color: #ffb65c; }
  summary { color: #7dbbe8; }
}
@media print {
  body { background: #fff; font-size: 10.5pt; }
  header { background: #fff; color: #000; }
  header p { color: #222; }
  nav, summary { display: none; }
  header div, main, footer { max-width: none; padding-left: 0; padding-right: 0; }
  section { border: 0; padding: 0; margin: 14pt 0; }
  .scroll { overflow: visible; }
  tr, figure, .keep, dd { page-break-inside: avoid; break-inside: avoid; }
  h2, h3, dt, .quiet, .legend, .scale { page-break-after: avoid; break-after: avoid; }
  td.best, .scale img, .swatch { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
"""
