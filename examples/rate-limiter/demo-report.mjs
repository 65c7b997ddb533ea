/** The result of the demo as a table for people. Pure: result in, text out. */

const count = (/** @type {number} */ value) => Math.round(value).toLocaleString('en');
const share = (/** @type {number} */ part, /** @type {number} */ whole) => (whole === 0 ? '0 %' : `${((100 * part) / whole).toFixed(1)} %`);
const ms = (/** @type {number} */ value) => `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`;
const time = (/** @type {number} */ atMs) => new Date(atMs).toISOString().replace('.000Z', 'Z');

/** @param {import('./run-demo.mjs').DemoResult} result */
export function formatReport(result) {
  const { requests, latencyMs, clients, agents, messages, memory, threads, engine, log, topAbusers, problems } = result;
  /** @type {[string, string][]} */
  const rows = [
    ['requests', `${count(requests.total)} in ${requests.seconds.toFixed(1)} s: ${count(requests.admitted)} admitted, ${count(requests.refused)} refused`],
    ['requests/s', count(requests.perSecond)],
    ['latency', `p50 ${ms(latencyMs.p50)}   p99 ${ms(latencyMs.p99)}   p99.9 ${ms(latencyMs.p999)}   max ${ms(latencyMs.max)}`],
    [
      'agents',
      `${count(agents.live)} live, ${count(agents.ended)} ended when idle; on threads ${agents.perThread.map(({ thread, agents: on }) => `${thread}: ${count(on)}`).join(', ') || 'none'}`,
    ],
    ['messages', `${count(messages.sameThread)} within a thread, ${count(messages.otherThread)} to another thread (requests, starts of agents, replies)`],
    ['memory per agent', memoryText(memory)],
    [
      'refused clients',
      `${count(clients.refused)} of ${count(clients.seen)} (${share(clients.refused, clients.seen)}), ${count(clients.blocked)} of them blocked for a while`,
    ],
    ['threads', `1 for the service, ${threads.workers} for agents; the load comes from another process`],
    ['engine', engine.reason],
  ];
  if (log !== null) rows.unshift(...logRows(log));
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
  if (topAbusers !== null && topAbusers.length > 0) lines.push('', ...abuserLines(topAbusers));
  lines.push('', ...verdictLines(result, problems));
  return `${lines.join('\n')}\n`;
}

/** @param {import('./run-demo.mjs').DemoResult['memory']} memory */
function memoryText(memory) {
  if (memory === null) return 'not measured: too few agents to tell them from the fixed cost of code and connections';
  return `${count(memory.heapBytesPerAgent)} bytes of heap (all threads, after garbage collection); process grew ${count(memory.rssBytesPerAgent)} bytes of RSS per agent, shared memory and HTTP included`;
}

/** @param {NonNullable<import('./run-demo.mjs').DemoResult['log']>} log */
function logRows(log) {
  /** @type {[string, string][]} */
  const rows = [
    [
      'log',
      `${log.path}: ${count(log.lines)} lines, ${count(log.requests)} requests${log.requests === 0 ? '' : ` from ${time(log.fromMs)} to ${time(log.toMs)}`}`,
    ],
  ];
  if (log.malformed > 0) {
    const first = log.malformedFirst.map(({ line, reason }) => `line ${line} (${reason})`).join(', ');
    rows.push(['malformed', `${count(log.malformed)}: ${first}${log.malformed > log.malformedFirst.length ? ', …' : ''}`]);
  }
  if (log.isTruncated) rows.push(['not replayed', `the log is longer than ${count(log.requests)} requests; the rest was left out`]);
  return rows;
}

/** @param {import('./bookkeeping.mjs').ClientStats[]} abusers */
function abuserLines(abusers) {
  const head = ['top abusers', 'requests', 'admitted', 'refused', 'blocks', 'score', 'last path'];
  const table = [
    head,
    ...abusers.map(({ client, sequence, admitted, refused, blocks, score, lastPath }) => [
      client,
      count(sequence),
      count(admitted),
      count(refused),
      count(blocks),
      score.toFixed(1),
      printable(lastPath),
    ]),
  ];
  const widths = head.map((_, column) => Math.max(...table.map((row) => /** @type {string} */ (row[column]).length)));
  return table.map((row) => {
    const cells = row.map((cell, column) => {
      const width = /** @type {number} */ (widths[column]);
      return column === 0 || column === row.length - 1 ? cell.padEnd(width) : cell.padStart(width);
    });
    return `  ${cells.join('  ').trimEnd()}`;
  });
}

/** What a log says must not reach a terminal as control characters. @param {string} text */
const printable = (text) => text.replace(/[^\x20-\x7e]/g, '?');

/**
 * @param {import('./run-demo.mjs').DemoResult} result
 * @param {import('./run-demo.mjs').DemoResult['problems']} problems
 */
function verdictLines({ requests, ok }, problems) {
  if (ok && requests.total === 0) return ['  There was nothing to ask.'];
  if (ok) return [`  All ${count(requests.total)} requests were answered correctly: right client, no message lost or handled twice, limits kept, books agree.`];
  const kinds = Object.entries(problems.byKind).map(([kind, times]) => `${kind} ${count(times)}`);
  const more = problems.count - problems.first.length;
  return [
    `  NOT CORRECT: ${count(problems.count)} problems (${kinds.join(', ')})`,
    ...problems.first.map((text) => `    ${printable(text)}`),
    ...(more > 0 ? [`    and ${count(more)} more`] : []),
  ];
}
