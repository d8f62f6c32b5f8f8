import { createHash } from 'node:crypto';
import { html, Markup } from './markup.ts';
import { PAGE_STYLE } from './page_style.ts';

/** What is sent to a browser. */
export interface Page {
  readonly status: number;
  readonly title: string;
  readonly content: Markup;
  /** Where the page's form may lead besides this server: browsers hold redirects against it as well. */
  readonly formTargets?: readonly string[];
}

const STYLE_HASH = `'sha256-${createHash('sha256').update(PAGE_STYLE).digest('base64')}'`;
/** A keyhole in a door. */
const MARK = new Markup(
  '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" aria-hidden="true"><rect x="3" y="3" width="18" height="18" rx="3"/>' +
    '<circle cx="12" cy="10.5" r="2.5"/><path d="M12 13v4"/></svg>',
);
const STYLE = new Markup(`<style>${PAGE_STYLE}</style>`);

export function pageText({ title, content }: Page): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} – Strongroom</title>
${STYLE}
</head>
<body>
<main>
<p class="mark">${MARK}Strongroom</p>
<h1>${title}</h1>
${content}
</main>
</body>
</html>
`.text;
}

/**
 * Nothing is loaded, nothing runs, nobody frames it, and its form goes nowhere else. The referrer stays within the server, where the browser
 * then names the origin of a form: with `no-referrer` it would not.
 */
export function pageHeaders({ formTargets = [] }: Page): Readonly<Record<string, string>> {
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': [
      "default-src 'none'",
      `style-src ${STYLE_HASH}`,
      `form-action ${["'self'", ...formTargets].join(' ')}`,
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ].join('; '),
    'x-frame-options': 'DENY',
    'referrer-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
  };
}
