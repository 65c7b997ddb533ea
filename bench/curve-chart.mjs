/**
 * Draws the rows of the suite `curve` as an SVG: messages per second against the size of the payload, both logarithmic; a colour for each number of threads, a style of
 * line for nexus, the raw ring and postMessage. Used by `main.mjs` (`--chart`); run by itself it draws a result that was kept:
 *
 *     node bench/curve-chart.mjs ROWS.json TABLE.txt CHART.svg
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { curvePoints, formatCurveTable, seriesOf, threadCounts } from './curve-table.mjs';
import { PAYLOADS } from './suites/curve/points.mjs';

const WIDTH = 960;
const HEIGHT = 640;
const PLOT = { left: 84, right: 704, top: 116, bottom: 552 };
const LEGEND_LEFT = 728;
/** In light and in dark; Okabe and Ito's, which people who see colours differently can tell apart. */
const COLOURS = [
  { light: '#0072b2', dark: '#56b4e9' },
  { light: '#c04f00', dark: '#ff9d3c' },
  { light: '#00795a', dark: '#2fd0a2' },
  { light: '#a8487f', dark: '#e79cc6' },
];
const STYLES = {
  nexus: { name: 'nexus, declared shapes', className: 'line nexus', marker: true },
  'nexus, undeclared': { name: 'nexus, undeclared objects', className: 'line undeclared', marker: true },
  'raw-ring (limit)': { name: 'raw ring: the limit', className: 'line limit', marker: false },
  postMessage: { name: 'postMessage', className: 'line post', marker: false },
};

/**
 * @param {readonly object[]} rows as `--json` writes them
 * @param {readonly (readonly [string, string])[]} facts names and values of what the machine and the run were: `cpu`, `node`, `engine`, ...
 * @returns {string} the SVG
 */
export function curveChart(rows, facts) {
  const points = curvePoints(rows);
  if (points.length === 0) throw new Error("there are no rows of the suite 'curve'");
  const threads = threadCounts(points);
  if (threads.length > COLOURS.length) throw new Error(`there are ${threads.length} numbers of threads; the chart has ${COLOURS.length} colours`);
  const x = logarithmic(Math.min(...PAYLOADS.map(({ bytes }) => bytes)), Math.max(...PAYLOADS.map(({ bytes }) => bytes)), PLOT.left + 26, PLOT.right - 26);
  const lowest = 10 ** Math.floor(Math.log10(Math.min(...points.map(({ median }) => median))));
  const highest = 10 ** Math.ceil(Math.log10(Math.max(...points.map(({ median }) => median))));
  const y = logarithmic(lowest, Math.max(highest, lowest * 10), PLOT.bottom, PLOT.top);
  const title = 'Messages per second between threads, by payload and number of threads';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-labelledby="title desc">
<title id="title">${escaped([title, new Map(facts).get('cpu')].filter(Boolean).join(', on '))}</title>
<desc id="desc">${escaped([...conditions(facts), formatCurveTable(rows)].join('\n'))}</desc>
<style>
${styles(threads.length)}
</style>
<rect class="paper" width="${WIDTH}" height="${HEIGHT}"/>
<text class="title" x="${PLOT.left - 60}" y="34">${escaped(title)}</text>
${conditions(facts)
  .map((line, index) => `<text class="note" x="${PLOT.left - 60}" y="${56 + index * 17}">${escaped(line)}</text>`)
  .join('\n')}
${axes(x, y, lowest, Math.max(highest, lowest * 10))}
${seriesOf(points)
  .toReversed()
  .flatMap((series) => threads.map((count, index) => line(points, series, count, index, x, y)))
  .filter(Boolean)
  .join('\n')}
${legend(threads, seriesOf(points))}
<text class="note" x="${PLOT.left - 60}" y="${HEIGHT - 14}">1 thread: the calling thread sends to a worker. More: each worker sends to the next, the last to the first. Messages received by all, medians.</text>
</svg>
`;
}

/** What a reader must know to judge the picture, in lines that fit into its width. */
function conditions(facts) {
  const known = new Map(facts);
  const join = (...parts) => parts.filter((part) => part !== undefined).join(' · ');
  const named = (name) => (known.has(name) ? `${name} ${known.get(name)}` : undefined);
  const cores = /(\d+) cores?\b/.exec(known.get('cpu') ?? '')?.[1];
  return [
    join(known.get('cpu'), known.get('system')),
    join(
      named('node'),
      known.get('engine') === undefined ? undefined : `engine ${known.get('engine').split(':')[0]}`,
      named('commit'),
      known.get('date')?.slice(0, 10),
    ),
    cores === undefined ? '' : `The machine has ${cores} cores: with more than ${cores} threads they share them, and the curve shows what sharing costs.`,
  ].filter((text) => text !== '');
}

function axes(x, y, lowest, highest) {
  const parts = [];
  for (let decade = lowest; decade <= highest * 1.001; decade *= 10) {
    parts.push(`<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${y(decade)}" y2="${y(decade)}"/>`);
    parts.push(`<text class="tick" text-anchor="end" x="${PLOT.left - 8}" y="${round(y(decade) + 4)}">${short(decade)}</text>`);
  }
  for (const { name, bytes } of PAYLOADS) {
    parts.push(`<line class="grid" x1="${x(bytes)}" x2="${x(bytes)}" y1="${PLOT.top}" y2="${PLOT.bottom}"/>`);
    parts.push(`<text class="tick" text-anchor="middle" x="${x(bytes)}" y="${PLOT.bottom + 20}">${name}</text>`);
  }
  parts.push(`<text class="axis" text-anchor="middle" x="${(PLOT.left + PLOT.right) / 2}" y="${PLOT.bottom + 44}">payload of a message (logarithmic)</text>`);
  const middle = (PLOT.top + PLOT.bottom) / 2;
  parts.push(`<text class="axis" text-anchor="middle" transform="translate(${PLOT.left - 58} ${middle}) rotate(-90)">messages/s (logarithmic)</text>`);
  return parts.join('\n');
}

/** The points of one series and number of threads, joined; empty if there are none. */
function line(points, { title, peer, declared }, threads, index, x, y) {
  const own = points.filter((point) => point.peer === peer && point.declared === declared && point.threads === threads).sort((a, b) => a.bytes - b.bytes);
  if (own.length === 0) return '';
  const { className, marker } = STYLES[title];
  const path = own.map((point, position) => `${position === 0 ? 'M' : 'L'}${x(point.bytes)} ${y(point.median)}`).join(' ');
  const circles = marker ? own.map((point) => `<circle class="dot colour-${index}" cx="${x(point.bytes)}" cy="${y(point.median)}" r="3.6"/>`) : [];
  return `<g class="${className}"><path class="colour-${index}" d="${path}"/>${circles.join('')}</g>`;
}

function legend(threads, series) {
  const parts = [`<text class="axis" x="${LEGEND_LEFT}" y="${PLOT.top + 8}">colour: threads</text>`];
  let top = PLOT.top + 32;
  for (const [index, count] of threads.entries()) {
    parts.push(`<g class="line nexus"><path class="colour-${index}" d="M${LEGEND_LEFT} ${top - 4} h34"/></g>`);
    parts.push(`<text class="tick" x="${LEGEND_LEFT + 44}" y="${top}">${count} ${count === 1 ? 'thread' : 'threads'}</text>`);
    top += 22;
  }
  top += 18;
  parts.push(`<text class="axis" x="${LEGEND_LEFT}" y="${top}">style: what sends</text>`);
  top += 24;
  for (const { title } of series) {
    const { name, className, marker } = STYLES[title];
    const dot = marker ? `<circle class="dot ink" cx="${LEGEND_LEFT + 17}" cy="${top - 4}" r="3.6"/>` : '';
    parts.push(`<g class="${className}"><path class="ink" d="M${LEGEND_LEFT} ${top - 4} h34"/>${dot}</g>`);
    parts.push(`<text class="tick" x="${LEGEND_LEFT + 44}" y="${top}">${escaped(name)}</text>`);
    top += 22;
  }
  return parts.join('\n');
}

function styles(count) {
  const colours = (mode) =>
    COLOURS.slice(0, count)
      .map((colour, index) => `.colour-${index} { stroke: ${colour[mode]}; } .nexus .dot.colour-${index} { fill: ${colour[mode]}; }`)
      .join('\n');
  return `text { font-family: system-ui, 'DejaVu Sans', sans-serif; fill: #24292f; }
.paper, .undeclared .dot { fill: #ffffff; }
.title { font-size: 19px; font-weight: 600; }
.note { font-size: 12px; fill: #57606a; }
.tick { font-size: 13px; }
.axis { font-size: 13px; font-weight: 600; }
.grid { stroke: #d8dee4; stroke-width: 1; }
.line path { fill: none; stroke-width: 2.4; stroke-linejoin: round; }
.line .dot { stroke-width: 1.6; }
.undeclared path { stroke-width: 1.4; }
.limit path { stroke-width: 1.6; stroke-dasharray: 9 4; }
.post path { stroke-width: 1.8; stroke-dasharray: 1.5 4; stroke-linecap: round; }
.ink { stroke: #24292f; } .nexus .dot.ink { fill: #24292f; }
${colours('light')}
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.paper, .undeclared .dot { fill: #0d1117; }
.note { fill: #9198a1; }
.grid { stroke: #2b3138; }
.ink { stroke: #e6edf3; } .nexus .dot.ink { fill: #e6edf3; }
${colours('dark')}
}`;
}

function logarithmic(from, to, start, end) {
  const span = Math.log(to / from);
  return (value) => round(start + ((end - start) * Math.log(value / from)) / span);
}

function round(value) {
  return Math.round(value * 10) / 10;
}

function short(value) {
  if (value >= 1e6) return `${value / 1e6} M`;
  return value >= 1e3 ? `${value / 1e3} k` : String(value);
}

function escaped(text) {
  return text.replace(/[&<>"]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[character]);
}

/**
 * The facts of a run from the text that `main.mjs` printed.
 * @returns {(readonly [string, string])[]}
 */
export function factsOf(text) {
  const facts = [];
  for (const line of text.split('\n')) {
    const match = /^ {2}([a-z0-9]+) {2,}(\S.*)$/.exec(line);
    if (match !== null) facts.push([match[1], match[2]]);
    else if (facts.length > 0) break;
  }
  return facts;
}

function draw([rowsFile, tableFile, chartFile]) {
  if (chartFile === undefined) {
    process.stderr.write('Usage: node bench/curve-chart.mjs ROWS.json TABLE.txt CHART.svg\n');
    return 2;
  }
  const rows = JSON.parse(readFileSync(rowsFile, 'utf8'));
  const facts = factsOf(readFileSync(tableFile, 'utf8'));
  const hash = createHash('sha256').update(JSON.stringify(rows)).digest('hex');
  if (!new Map(facts).get('sha256')?.startsWith(hash)) {
    process.stderr.write(`${tableFile} is not the text of ${rowsFile}: its sha256 is another one\n`);
    return 1;
  }
  writeFileSync(chartFile, curveChart(rows, facts));
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = draw(process.argv.slice(2));
