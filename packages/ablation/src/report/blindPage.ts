// blind.html: two pictures of the same subject, prompt and seed, from two groups nobody names. Votes stay in the browser
// until they are downloaded.
import { createRng } from '@likeness/core';
import { BLIND_SCRIPT, BLIND_STYLE } from './blindScript.ts';
import { baselineOf, type Factors, type Group } from './groups.ts';
import { embeddedJson, markup, raw } from './markup.ts';
import type { Pictures } from './pictures.ts';
import type { ReportMeta } from './reportOptions.ts';
import { STYLE } from './style.ts';

/** A group's picture and its baseline's. */
export interface BlindPair {
  readonly group: string;
  readonly baseline: string;
  readonly subject: string;
  readonly prompt: string;
  /** Of the cell, and of the picture. */
  readonly cellSeed: number;
  readonly seed: number;
  readonly paths: readonly [group: string, baseline: string];
}

/** Nobody looks at more; the page stays a page one can send. */
const MOST_PAIRS = 240;

/** Pairs of all comparisons, as many of each, drawn by the seed. */
export function blindPairs(groups: readonly Group[], baseline: Factors, seed: number): BlindPair[] {
  const compared = groups.flatMap((group) => {
    const other = baselineOf(group, groups, baseline);
    return other === undefined ? [] : [pairsBetween(group, other)];
  });
  const share = Math.max(1, Math.floor(MOST_PAIRS / Math.max(1, compared.length)));
  const rng = createRng(seed);
  return compared.flatMap((pairs, index) =>
    Array.from(rng.stream('blind pairs', 0, index).shuffle(pairs.length))
      .slice(0, share)
      .sort((a, b) => a - b)
      .flatMap((position) => pairs[position] ?? []),
  );
}

function pairsBetween(group: Group, other: Group): BlindPair[] {
  return group.cells.flatMap((cell) => {
    const partner = other.cells.find((one) => one.subject === cell.subject && one.seed === cell.seed);
    return cell.samples.flatMap(({ path, prompt, seed }) => {
      const same = partner?.samples.find((sample) => sample.prompt === prompt && sample.seed === seed);
      if (same === undefined) return [];
      return [
        {
          group: group.label,
          baseline: other.label,
          subject: cell.subject,
          prompt,
          cellSeed: cell.seed,
          seed,
          paths: [path, same.path] as const,
        },
      ];
    });
  });
}

/** Pairs with a missing picture are left out. */
export function blindPage(meta: ReportMeta, pairs: readonly BlindPair[], pictures: Pictures): string {
  const shown = pairs.flatMap(({ paths, ...pair }) => {
    const [left, right] = paths.map((path) => pictures.indexOf.get(path));
    return left === undefined || right === undefined ? [] : [{ ...pair, pictures: [left, right] }];
  });
  const data = { config: meta.configHash, title: meta.title, pairs: shown, pictures: pictures.uris };
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Blind comparison: ${meta.title}</title>
<style>${raw(STYLE)}${raw(BLIND_STYLE)}</style>
</head>
<body>
<main class="blind">
  <header>
    <h1>Which one is better?</h1>
    <p>Two pictures of the same prompt and seed; which method made which is hidden, and sides are drawn at random. Judge by
      one question throughout and say it with your votes: <input id="question" value="Which shows the subject better?" aria-label="question"></p>
    <p class="meta">Nothing leaves this page until you download it. <a href="report.html">Back to the report</a></p>
  </header>
  <div id="arena" hidden>
    <p id="prompt"></p>
    <div class="two">
      <button class="choice" data-vote="left"><img alt="left picture"><span>left <kbd>←</kbd></span></button>
      <button class="choice" data-vote="right"><img alt="right picture"><span>right <kbd>→</kbd></span></button>
    </div>
    <p class="bar"><button data-vote="tie">no difference <kbd>↓</kbd></button> <button id="undo">undo <kbd>⌫</kbd></button>
      <span id="progress" class="meta"></span></p>
    <progress id="done" max="1" value="0"></progress>
  </div>
  <p id="empty" hidden>There are no pairs of pictures to compare.</p>
  <section id="tally" hidden><h2>Tally</h2><div class="wide"><table><thead><tr><th>group</th><th>against</th><th>wins</th><th>ties</th><th>losses</th><th>win rate</th><th>sign test p</th></tr></thead><tbody></tbody></table></div>
    <p class="caption">The sign test leaves ties out; it treats votes as independent, which votes on one subject are not quite.</p></section>
  <p class="bar"><button id="reveal">show the tally</button> <button id="download">download the votes</button> <button id="restart">start again</button></p>
  <p class="meta">configuration <code>${meta.configHash}</code></p>
</main>
<script type="application/json" id="data">${embeddedJson(data)}</script>
<script>${raw(BLIND_SCRIPT)}</script>
</body>
</html>
`.text;
}
