// How the pages look: a paper's supplement. One column of text, figures a little wider, light and dark.
import { chartColours } from './chart.ts';

export const STYLE = `
:root { color-scheme: light dark; ${chartColours('light')}
  --soft: #f4f4f1; --good: #176b46; --bad: #a8312f; --accent: #2f6fb2; }
@media (prefers-color-scheme: dark) { :root { ${chartColours('dark')}
  --soft: #1d2026; --good: #5ccb99; --bad: #f08a80; --accent: #7db4ee; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1.5rem; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 17px/1.6 Charter, 'Bitstream Charter', 'Iowan Old Style', 'Source Serif 4', Cambria, Georgia, serif; }
.layout { display: grid; grid-template-columns: 200px minmax(0, 940px); gap: 56px; max-width: 1260px; margin: 0 auto; padding: 56px 32px 96px; }
nav, table, figure, figcaption, .caption, summary, .meta, .mark, button, select, label, .legend, .tag { font-family: 'Inter', system-ui, -apple-system, 'Segoe UI', sans-serif; }
nav { position: sticky; top: 56px; align-self: start; max-height: calc(100vh - 80px); overflow: auto; font-size: 13px; line-height: 1.45; }
nav ol { list-style: none; margin: 0; padding: 0; }
nav li { margin: 0 0 7px; }
nav li li { margin: 4px 0 0 12px; }
nav a { color: var(--muted); text-decoration: none; }
nav a:hover, nav a:focus-visible { color: var(--ink); }
header { border-bottom: 1px solid var(--rule); margin-bottom: 40px; padding-bottom: 24px; }
h1 { font-size: 2.1rem; line-height: 1.2; letter-spacing: -0.01em; margin: 0 0 12px; font-weight: 600; }
h2 { font-size: 1.4rem; line-height: 1.3; margin: 64px 0 12px; font-weight: 600; }
h3 { font-size: 1.08rem; margin: 36px 0 8px; font-weight: 600; }
section > h2:first-child { margin-top: 0; }
section { margin-bottom: 64px; }
p { max-width: 70ch; margin: 0 0 14px; }
.lead { font-size: 1.1rem; }
.meta { color: var(--muted); font-size: 13px; max-width: none; margin: 0; }
.meta b { font-weight: 500; color: var(--ink); }
a { color: var(--accent); text-underline-offset: 3px; }
code { font: 0.86em ui-monospace, 'SF Mono', Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.wide { overflow-x: auto; margin: 0 0 14px; }
table { border-collapse: collapse; font-size: 13px; line-height: 1.4; font-variant-numeric: tabular-nums; }
thead th { font-weight: 500; color: var(--muted); border-bottom: 1px solid var(--ink); vertical-align: bottom; }
table { border-top: 1.5px solid var(--ink); border-bottom: 1.5px solid var(--ink); }
th, td { padding: 6px 14px 6px 0; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; font-weight: 400; }
th:last-child, td:last-child { padding-right: 2px; }
td.text, th.text { text-align: left; white-space: normal; }
tbody tr:hover { background: var(--soft); }
tr.published td, tr.published th { color: var(--muted); font-style: italic; padding-top: 0; }
tr.baseline th { font-weight: 500; }
.key { display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 8px; }
.best { font-weight: 650; }
.mark { font-size: 10px; margin-left: 3px; display: inline-block; width: 1em; text-align: center; }
.better { color: var(--good); } .worse { color: var(--bad); } .different { color: var(--muted); }
table.wrap thead th { white-space: normal; max-width: 9.5em; }
.dense { font-size: 12px; } .dense th, .dense td { padding-right: 11px; }
figure { margin: 20px 0 8px; }
figure svg { display: block; max-width: 100%; height: auto; }
svg text { white-space: pre; font-family: 'Inter', system-ui, -apple-system, 'Segoe UI', sans-serif; }
.pair { display: flex; gap: 8px; align-items: flex-start; flex-wrap: wrap; }
.pair > * { min-width: 0; }
.two-columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(400px, 100%), 1fr)); gap: 20px 16px; }
figcaption, .caption { font-size: 13px; line-height: 1.5; color: var(--muted); max-width: 78ch; margin: 6px 0 20px; }
.findings { padding-left: 1.1em; margin: 0 0 16px; max-width: 76ch; }
.findings li { margin-bottom: 5px; }
details { margin: 10px 0; }
summary { cursor: pointer; font-size: 13.5px; color: var(--muted); padding: 3px 0; width: fit-content; }
summary:hover { color: var(--ink); }
details[open] > summary { color: var(--ink); margin-bottom: 8px; }
.grid { border: 0; }
.grid th, .grid td { padding: 3px; text-align: center; vertical-align: middle; border: 0; white-space: normal; }
.grid thead th { font-size: 11.5px; line-height: 1.3; border: 0; max-width: 0; padding-bottom: 6px; vertical-align: bottom; }
.grid th:first-child { text-align: right; padding-right: 12px; min-width: 120px; }
.grid tbody tr:hover { background: none; }
.grid img { display: block; width: 96px; height: 96px; object-fit: cover; border-radius: 3px; background: var(--soft); cursor: zoom-in; }
.grid .next { padding-left: 16px; }
.grid .gap { width: 96px; height: 96px; border-radius: 3px; border: 1px dashed var(--rule); color: var(--muted); font-size: 11px; display: grid; place-items: center; }
.grid.many img, .grid.many .gap { width: 62px; height: 62px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 6px 20px; font-size: 14px; line-height: 1.5; margin: 0 0 14px; }
dt { color: var(--muted); font-family: 'Inter', system-ui, sans-serif; font-size: 13px; } dd { margin: 0; overflow-wrap: anywhere; }
#tip { position: fixed; pointer-events: none; z-index: 9; background: var(--ink); color: var(--paper); font: 12px/1.45 'Inter', system-ui, sans-serif;
  padding: 7px 10px; border-radius: 5px; white-space: pre-line; max-width: 320px; opacity: 0; transition: opacity 0.1s; }
#tip.on { opacity: 0.96; }
dialog { border: 0; padding: 0; background: transparent; max-width: 90vw; text-align: center; }
dialog::backdrop { background: rgb(10 12 15 / 0.75); }
dialog img { width: min(80vmin, 768px); height: auto; image-rendering: auto; border-radius: 4px; }
dialog p { color: #e6e7ea; font: 13px/1.5 'Inter', system-ui, sans-serif; margin: 10px auto 0; }
@media (max-width: 900px) { .layout { grid-template-columns: minmax(0, 1fr); gap: 24px; padding: 28px 18px 64px; } nav { position: static; max-height: none; } nav ol { columns: 2; } }
@media print { nav, .noprint { display: none; } .layout { display: block; padding: 0; } section { break-inside: avoid-page; } details { display: none; } }
`;
