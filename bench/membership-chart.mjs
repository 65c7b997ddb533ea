/**
 * Draws messages a node and second against the size of the cluster, of the rows of the suite `membership`, as an SVG:
 *
 *     node bench/membership-chart.mjs ROWS.json [FORMING.json] CHART.svg
 *
 * The second are those of the suite `forming`, if there are any.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { curveOf } from './suites/membership/case-names.mjs';

const PLOT = { left: 64, right: 700, top: 64, bottom: 380 };
/** In light and in dark; Okabe and Ito's. */
const COLOURS = [
  { light: '#0072b2', dark: '#56b4e9' },
  { light: '#c04f00', dark: '#ff9d3c' },
  { light: '#00795a', dark: '#2fd0a2' },
];

/** @param {readonly { suite: string, case: string, peer: string, median: number }[]} rows @returns {string} the SVG */
export function membershipChart(rows) {
  const points = rows.flatMap((row) =>
    (row.suite === 'membership' || row.suite === 'forming' ? (curveOf(row.case) ?? []) : []).map((point) => ({ ...point, value: row.median })),
  );
  if (points.length === 0) throw new Error("there are no rows of the suite 'membership'");
  const sizes = [...new Set(points.map(({ nodes }) => nodes))].sort((a, b) => a - b);
  const series = [...new Set(points.map(({ title }) => title))];
  const highest = 2 * Math.ceil(Math.max(...points.map(({ value }) => value)) / 2);
  const x = (nodes) => round(PLOT.left + (Math.log(nodes / sizes[0]) / Math.log(sizes.at(-1) / sizes[0] || 2)) * (PLOT.right - PLOT.left));
  const y = (value) => round(PLOT.bottom - (value / highest) * (PLOT.bottom - PLOT.top));
  const title = 'Messages that a node of a cluster sends in a second, by size of the cluster';
  const grid = [
    ...Array.from({ length: highest / 2 + 1 }, (_, index) => 2 * index).map(
      (value) =>
        `<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${y(value)}" y2="${y(value)}"/><text x="${PLOT.left - 8}" y="${y(value) + 4}" text-anchor="end">${value}</text>`,
    ),
    ...sizes.map((nodes) => `<text x="${x(nodes)}" y="${PLOT.bottom + 20}" text-anchor="middle">${nodes}</text>`),
  ];
  const lines = series.map((name, index) => {
    const own = points.filter((point) => point.title === name).sort((a, b) => a.nodes - b.nodes);
    const path = own.map(({ nodes, value }, at) => `${at === 0 ? 'M' : 'L'}${x(nodes)} ${y(value)}`).join(' ');
    const dots = own.map(
      ({ nodes, value }) => `<circle class="fill-${index}" cx="${x(nodes)}" cy="${y(value)}" r="3.5"><title>${nodes}: ${value.toFixed(2)}</title></circle>`,
    );
    const label = `<text class="fill-${index}" x="${PLOT.left}" y="${PLOT.bottom + 70 + 20 * index}">● ${escaped(name)}: ${own.map(({ value }) => value.toFixed(1)).join(', ')}</text>`;
    return `<path class="line-${index}" d="${path}"/>${dots.join('')}${label}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 ${PLOT.bottom + 80 + 20 * series.length}" role="img" aria-label="${title}">
<title>${title}</title>
<style>
text { font: 13px system-ui, 'DejaVu Sans', sans-serif; fill: #24292f; }
.paper { fill: #ffffff; }
.grid { stroke: #d8dee4; }
path { fill: none; stroke-width: 2.2; }
${colours('light')}
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.paper { fill: #0d1117; }
.grid { stroke: #2b3138; }
${colours('dark')}
}
</style>
<rect class="paper" width="100%" height="100%"/>
<text x="${PLOT.left - 40}" y="32" style="font-size: 16px; font-weight: 600">${title}</text>
${grid.join('\n')}
<text x="${(PLOT.left + PLOT.right) / 2}" y="${PLOT.bottom + 42}" text-anchor="middle">nodes (logarithmic); simulated, 1 % of the datagrams lost; acks are messages too</text>
${lines.join('\n')}
</svg>
`;
}

const colours = (mode) => COLOURS.map((colour, index) => `.line-${index} { stroke: ${colour[mode]}; } .fill-${index} { fill: ${colour[mode]}; }`).join('\n');
const round = (value) => Math.round(value * 10) / 10;
const escaped = (text) => text.replace(/[&<>"]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[character]);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const files = process.argv.slice(2);
  const chartFile = files.pop();
  if (files.length === 0) {
    process.stderr.write('Usage: node bench/membership-chart.mjs ROWS.json [FORMING.json] CHART.svg\n');
    process.exitCode = 2;
  } else writeFileSync(chartFile, membershipChart(files.flatMap((file) => JSON.parse(readFileSync(file, 'utf8')))));
}
