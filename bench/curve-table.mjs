/** The rows of the suite `curve` as points, and as a table in text: sizes of payload downwards, numbers of threads across. Used by `main.mjs` and by the chart. */
import { figure } from './harness/table.mjs';
import { PAYLOADS, payloadNamed, pointOf } from './suites/curve/points.mjs';

/**
 * What of these rows is of the curve.
 * @returns {{ peer: string, payload: string, bytes: number, threads: number, declared: boolean, median: number, min: number, max: number }[]}
 */
export function curvePoints(rows) {
  const points = [];
  for (const { suite, case: name, peer, median, min, max } of rows) {
    const point = suite === 'curve' ? pointOf(name) : undefined;
    if (point !== undefined) points.push({ peer, ...point, bytes: payloadNamed(point.payload).bytes, median, min, max });
  }
  return points;
}

/** The lines of one table, in the order in which they are to be read: of a peer, declared or not. What was not measured has none. */
export function seriesOf(points) {
  const all = [
    { title: 'nexus', peer: 'nexus', declared: true },
    { title: 'nexus, undeclared', peer: 'nexus', declared: false },
    { title: 'raw-ring (limit)', peer: 'raw-ring', declared: true },
    { title: 'postMessage', peer: 'postMessage', declared: true },
  ];
  return all.filter(({ peer, declared }) => points.some((point) => point.peer === peer && point.declared === declared));
}

export function threadCounts(points) {
  return [...new Set(points.map(({ threads }) => threads))].sort((a, b) => a - b);
}

/** Empty without points. */
export function formatCurveTable(rows) {
  const points = curvePoints(rows);
  if (points.length === 0) return '';
  const threads = threadCounts(points);
  const lines = [['the curve: messages/s, medians', '', ...threads.map((count) => `${count} ${count === 1 ? 'thread' : 'threads'}`)]];
  for (const { title, peer, declared } of seriesOf(points)) {
    let label = title;
    for (const { name } of PAYLOADS) {
      const ofPayload = points.filter((point) => point.peer === peer && point.declared === declared && point.payload === name);
      if (ofPayload.length === 0) continue;
      const cells = threads.map((count) => ofPayload.find((point) => point.threads === count));
      lines.push([`  ${label}`, name, ...cells.map((point) => (point === undefined ? '' : figure(point.median)))]);
      label = '';
    }
  }
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines.map((line) => line.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join('  ')).join('\n');
}
