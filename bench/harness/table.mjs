/** Prints rows as a table for people. */

/**
 * @param {readonly { suite: string, case: string, peer: string, unit: string, median: number, min: number, max: number, n: number }[]} rows
 * @param {ReadonlyMap<string, string>} roles what a peer is if it is not one
 */
export function formatTable(rows, roles) {
  const lines = [];
  let suite;
  let name;
  const cells = rows.map((row) => [
    row.case,
    titleOf(row.peer, roles),
    quantity(row.median, row.unit),
    `${figure(row.min)} … ${figure(row.max)}`,
    `n ${row.n}`,
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(0, ...cells.map((cell) => cell[column].length)));
  rows.forEach((row, index) => {
    const [title, peer, median, spread, n] = cells[index];
    if (row.suite !== suite) lines.push('', row.suite);
    const label = row.case === name && row.suite === suite ? '' : title;
    suite = row.suite;
    name = row.case;
    lines.push(`  ${label.padEnd(widths[0])}  ${peer.padEnd(widths[1])}  ${median.padStart(widths[2])}  ${spread.padStart(widths[3])}  ${n}`);
  });
  return lines.join('\n');
}

function titleOf(peer, roles) {
  const role = roles.get(peer);
  return role === undefined ? peer : `${peer} (${role})`;
}

export function quantity(value, unit) {
  return `${figure(value)} ${unit}`;
}

/** At most three digits that mean something, thousands separated. */
export function figure(value) {
  if (value === 0) return '0';
  if (value === Number.POSITIVE_INFINITY) return '∞';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  const scale = 10 ** (2 - Math.floor(Math.log10(Math.abs(value))));
  const rounded = scale >= 1 ? Math.round(value * scale) / scale : Math.round(value * scale) * Math.round(1 / scale);
  return rounded.toLocaleString('en-US', { minimumFractionDigits: Math.min(digits, 2), maximumFractionDigits: Math.min(digits, 2) });
}
