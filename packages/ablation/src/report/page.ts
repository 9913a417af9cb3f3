// A document around a page's content: style, label, enlarged picture.
import { markup, raw, type Markup } from './markup.ts';
import { STYLE } from './style.ts';

/** A whole document with the pages' style. */
export function page(title: string, body: Markup, script: string): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<div class="layout">${body}</div>
<div id="tip" role="status"></div>
<dialog><img alt=""><p></p></dialog>
<script>${raw(script)}</script>
</body>
</html>
`.text;
}
