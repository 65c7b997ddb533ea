/** The report of a run for people: Markdown, with its pictures beside it. Pure. */
import { faultText } from '../../../testing/simulation/fault.js';
import { quantile, type SecondRecord, totals } from '../second-records.js';
import { type RunReport, verdictOf } from './run-report.js';

const OUTCOMES = { held: 'held', violated: '**violated**', undecided: 'not decided' };
const VERDICTS = { held: 'Everything that must hold held.', violated: 'Something that must hold did not.', undecided: 'Not everything could be decided.' };
const ROWS_MAX = 30;

/** Names of the files of the pictures; undefined where there is none. */
export interface ReportPictures {
  readonly timeline: string;
  readonly failure: string | undefined;
}

export function reportText(report: RunReport, { timeline, failure }: ReportPictures): string {
  const { plan, checks, faults, skipped, differences, seconds, operations } = report;
  const all = operations.ok + operations.failed + operations.unknown;
  const kinds = [...new Set(faults.map(({ fault }) => fault.kind))];
  return `${[
    `# Chaos: ${plan.nodes} nodes, ${durationText(plan.durationMs)}${kinds.length === 0 ? '' : `, ${kinds.length} kinds of faults`}`,
    '',
    `**${VERDICTS[verdictOf(report)]}**`,
    '',
    ...table(
      ['what must hold', '', 'what was seen'],
      checks.map(({ name, outcome, text }) => [name, OUTCOMES[outcome], text]),
    ),
    '',
    `![success rate, operations and response times over time, with the faults](${timeline})`,
    '',
    ...(failure === undefined
      ? []
      : ['What cannot be ordered of the history:', '', `![the operations around the place at which no order goes on](${failure})`, '']),
    '## The run',
    '',
    ...table(
      ['', ''],
      [
        [
          'network',
          report.network === 'namespaces'
            ? 'a network namespace of the kernel for each node, joined by a bridge'
            : `a proxy on one host${report.whyProxy === undefined ? '' : ` (no namespaces: ${report.whyProxy})`}`,
        ],
        [
          'nodes',
          `${plan.nodes} processes, resolver ${plan.resolver.strategy}; members of one view ${seconds1(report.formedMs)} after the last one was started`,
        ],
        [
          'after the faults',
          report.healedMs === undefined
            ? 'the nodes did not become members of one view again'
            : `members of one view, and serving, after ${seconds1(report.healedMs)}`,
        ],
        ['clients', `${report.clients}, on ${report.keys} registers at a time, ${report.registers} in all; any node, one operation after the other`],
        ['workload', `${report.module}; judged as ${report.model}`],
        [
          'operations',
          `${count(all)}: ${count(operations.ok)} answered (${percent(operations.ok, all)}), ${count(operations.failed)} certainly not done, ${count(operations.unknown)} of unknown outcome`,
        ],
        ['while faults lasted', during(seconds, (second) => faults.some(({ from, to }) => second >= Math.floor(from) && second <= to))],
        ['while none did', during(seconds, (second) => !faults.some(({ from, to }) => second >= Math.floor(from) && second <= to))],
        ['version', `nexus-agents ${report.version}, Node ${report.node}, seed ${plan.seed}`],
      ],
    ),
    '',
    '## Faults',
    '',
    ...table(
      ['from', 'to', 'what'],
      faults.slice(0, ROWS_MAX * 4).map(({ fault, from, to }) => [`${from.toFixed(1)} s`, `${to.toFixed(1)} s`, faultText(fault).replace(/ at .*$/, '')]),
    ),
    ...(faults.length > ROWS_MAX * 4 ? ['', `and ${faults.length - ROWS_MAX * 4} more: see the JSON`] : []),
    ...(differences.length === 0 ? [] : ['', 'What was done in another way than in a simulation:', '', ...differences.map((each) => `- ${each}`)]),
    ...(skipped.length === 0
      ? []
      : ['', 'Skipped:', '', ...grouped(skipped.map(({ fault, because }) => `${fault.kind}: ${because}`)).map((each) => `- ${each}`)]),
    '',
    '## What went wrong',
    '',
    ...counted('error', totals(seconds.map(({ errors }) => errors))),
    '',
    '## What the cluster did about it',
    '',
    ...counted('adaptation', totals(seconds.map(({ events }) => events))),
    '',
  ].join('\n')}`;
}

/** Success and response times of some seconds together. */
function during(seconds: readonly SecondRecord[], isMeant: (second: number) => boolean): string {
  const meant = seconds.filter(({ second }) => isMeant(second));
  const ok = meant.reduce((sum, each) => sum + each.ok, 0);
  const all = meant.reduce((sum, each) => sum + each.ok + each.failed + each.unknown, 0);
  if (all === 0) return 'nothing was asked';
  const sorted = (of: (each: SecondRecord) => number | undefined): number[] => meant.flatMap((each) => of(each) ?? []).sort((a, b) => a - b);
  const p50 = quantile(
    sorted(({ p50Ms }) => p50Ms),
    0.5,
  );
  const p99 = quantile(
    sorted(({ p99Ms }) => p99Ms),
    0.5,
  );
  const times =
    p50 === undefined || p99 === undefined
      ? ''
      : `; of the seconds with answers, half had a median below ${p50.toFixed(1)} ms, and half a 99th percentile below ${p99.toFixed(1)} ms`;
  return `${meant.length} s: ${percent(ok, all)} answered${times}`;
}

function counted(what: string, rows: readonly (readonly [string, number])[]): string[] {
  if (rows.length === 0) return ['Nothing.'];
  return [
    ...table(
      [what, 'times'],
      rows.slice(0, ROWS_MAX).map(([name, times]) => [name, count(times)]),
    ),
  ];
}

function grouped(lines: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return [...counts].map(([line, times]) => (times === 1 ? line : `${times} times ${line}`));
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const row = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replace(/\|/g, '\\|').replace(/\s*\n\s*/g, '<br>')).join(' | ')} |`;
  return [row(head), row(head.map(() => '---')), ...rows.map(row)];
}

function durationText(ms: number): string {
  return ms >= 120_000 ? `${Math.round(ms / 6000) / 10} minutes` : `${Math.round(ms / 100) / 10} s`;
}

function seconds1(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function percent(part: number, all: number): string {
  return all === 0 ? '-' : `${Math.round((part / all) * 10_000) / 100} %`;
}
