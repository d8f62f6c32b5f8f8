/** One bar of a chart, with the figure as it is to be read beside it. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly text: string;
  readonly kind: 'ours' | 'limit' | 'other';
}

export interface BarGroup {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const WIDTH = 880;
const MARGIN = 20;
const LABEL_WIDTH = 335;
const VALUE_WIDTH = 160;
const BAR_HEIGHT = 16;
const ROW_HEIGHT = 22;
const GROUP_HEAD = 34;
const TITLE_HEIGHT = 62;

/** Colours carry meaning on white and on black alike; the viewer's scheme chooses. */
const STYLE = `
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
  .title { font-size: 17px; font-weight: 600 }
  .note { font-size: 12px; fill: #59636e }
  .group { font-weight: 600 }
  .ours { fill: #1a6fd6 } .limit { fill: #8b949e } .other { fill: #c78a2c }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .note { fill: #9198a1 }
    .ours { fill: #5aa2ff } .limit { fill: #8b949e } .other { fill: #d9a441 }
  }`;

/** Horizontal bars in groups; each group has a scale of its own, since a signature and a hash differ by a factor of a hundred. */
export function barChart(title: string, note: string, groups: readonly BarGroup[]): string {
  const parts: string[] = [];
  let y = TITLE_HEIGHT;
  for (const group of groups) {
    parts.push(textAt(MARGIN, y + 20, group.title, 'group'));
    y += GROUP_HEAD;
    const longest = Math.max(...group.bars.map((bar) => bar.value));
    for (const bar of group.bars) {
      parts.push(...drawBar(bar, longest, y));
      y += ROW_HEIGHT;
    }
  }
  const height = y + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escapeText(title)}</title>`,
    `<style>${STYLE}</style>`,
    textAt(MARGIN, 28, title, 'title'),
    textAt(MARGIN, 48, note, 'note'),
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function drawBar(bar: Bar, longest: number, y: number): string[] {
  const start = MARGIN + LABEL_WIDTH;
  const room = WIDTH - start - VALUE_WIDTH;
  const width = Math.max(1, Math.round((bar.value / longest) * room));
  const baseline = y + BAR_HEIGHT - 3;
  return [
    textAt(start - 10, baseline, bar.label, undefined, 'end'),
    `<rect class="${bar.kind}" x="${start}" y="${y}" width="${width}" height="${BAR_HEIGHT}" rx="2"/>`,
    textAt(start + width + 8, baseline, bar.text),
  ];
}

function textAt(x: number, y: number, text: string, className?: string, anchor?: 'end'): string {
  const attributes = `${className === undefined ? '' : ` class="${className}"`}${anchor === undefined ? '' : ` text-anchor="${anchor}"`}`;
  return `<text x="${x}" y="${y}"${attributes}>${escapeText(text)}</text>`;
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
