/** The benchmarks work: every suite and peer runs at a tiny size and reports figures that can be. How fast anything is is not tested. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';

interface Row {
  readonly suite: string;
  readonly case: string;
  readonly peer: string;
  readonly unit: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly n: number;
}

const MAIN = fileURLToPath(new URL('../../bench/main.mjs', import.meta.url));
const STAGES = fileURLToPath(new URL('../../bench/stages.mjs', import.meta.url));
const PEERS: Readonly<Record<string, readonly string[]>> = {
  'same-thread': ['nexus', 'nact', 'XState', 'bare-queue'],
  memory: ['nexus', 'nact', 'XState', 'plain-object'],
  'cross-thread': ['nexus', 'postMessage', 'piscina', 'raw-ring', 'futex'],
  lookup: ['nexus', 'Map'],
  table: ['nexus', 'Map', 'cache-misses'],
  scale: ['nexus'],
  idle: ['nexus'],
  histogram: ['nexus', 'prom-client', 'perf_hooks'],
  observe: ['nexus', 'prom-client', 'bare-call'],
  flight: ['nexus', 'array'],
  telemetry: ['nexus', 'channel', 'tracing', 'tracing-all'],
  curve: ['nexus', 'raw-ring', 'postMessage'],
  resilience: ['nexus'],
  signals: ['nexus', 'EventEmitter'],
  groups: ['nexus', 'array', 'Map'],
  transport: ['nexus', 'ws'],
  'same-host': ['nexus', 'loopback', 'unix-socket'],
  remote: ['nexus', 'nexus-same-host', 'ws-msgpackr', 'ws-JSON'],
  connections: ['nexus', 'ws'],
  membership: ['nexus', 'no-multiplier', 'fixed-suspicion', 'plain-SWIM'],
  cluster: ['nexus'],
  growing: ['nexus'],
  lost: ['nexus'],
  forming: ['nexus'],
  simulation: ['nexus'],
};
const CASES_OF_NEXUS: Readonly<Record<string, number>> = {
  'same-thread': 6,
  memory: 3,
  'cross-thread': 20,
  lookup: 3,
  table: 10,
  scale: 4,
  idle: 1,
  histogram: 2,
  observe: 2,
  flight: 2,
  telemetry: 2,
  curve: 14,
  resilience: 8,
  signals: 4,
  groups: 5,
  transport: 6,
  'same-host': 4,
  remote: 6,
  connections: 3,
  membership: 11,
  cluster: 5,
  growing: 11,
  lost: 3,
  forming: 8,
  simulation: 3,
};

const ONLY_WHERE_THREADS_CAN_BE_PINNED = ['ask parked, threads on two cores, p50', 'the same with both processes on one core, p50'];

let folder: string | undefined;

afterEach(() => {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  folder = undefined;
});

function bench(...args: string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync(process.execPath, ['--expose-gc', MAIN, ...args], { encoding: 'utf8', timeout: 230_000 });
}

test('every suite and every peer runs at smoke size, and every figure is sane', { timeout: 240_000 }, () => {
  folder = mkdtempSync(join(tmpdir(), 'nexus-bench-test-'));
  const file = join(folder, 'rows.json');
  const chart = join(folder, 'curve.svg');
  const { status, stdout, stderr } = bench('--smoke', '--json', file, '--chart', chart);
  expect(stdout + stderr).not.toContain('FAILED');
  expect(status).toBe(0);

  const rows = JSON.parse(readFileSync(file, 'utf8')) as Row[];
  for (const [suite, peers] of Object.entries(PEERS)) {
    for (const peer of peers) expect(rows.filter((row) => row.suite === suite && row.peer === peer).length, `${suite} / ${peer}`).toBeGreaterThan(0);
    const ofNexus = rows.filter((row) => row.suite === suite && row.peer === 'nexus' && !ONLY_WHERE_THREADS_CAN_BE_PINNED.includes(row.case));
    expect(new Set(ofNexus.map((row) => row.case)).size, suite).toBe(CASES_OF_NEXUS[suite]);
  }
  for (const row of rows) {
    expect(Object.keys(row)).toEqual(['suite', 'case', 'peer', 'unit', 'median', 'min', 'max', 'n']);
    expect([
      'messages/s',
      'asks/s',
      'agents/s',
      'ns',
      's',
      'bytes',
      '% of a core',
      'ms',
      'MB/s',
      'of 1',
      'connections',
      'connections/s',
      'messages',
      'messages/node/s',
      'false positives',
      'x real time',
      'runs/CPU minute',
    ]).toContain(row.unit);
    expect(row.n, row.case).toBeGreaterThanOrEqual(1);
    // What is counted may be none.
    expect((row.min > 0 || row.unit === 'false positives') && row.min <= row.median && row.median <= row.max && row.max < 1e12, JSON.stringify(row)).toBe(true);
  }
  const keys = rows.map((row) => `${row.suite} / ${row.case} / ${row.peer}`);
  expect(new Set(keys).size).toBe(keys.length);
  // A figure that no machine reaches is a benchmark that does not do its work.
  for (const row of rows) if (row.unit === 'messages/s' && row.peer !== 'raw-ring') expect(row.median, row.case).toBeLessThan(500e6);

  expect(stdout).toMatch(/engine {2}(native|wasm|portable)/);
  expect(stdout).toMatch(/sha256 {2}[0-9a-f]{64}/);
  expect(stdout).toMatch(/(met|missed) +same-thread tell:/);
  expect(stdout).toMatch(/nexus, undeclared +20 B( +[\d,.]+){2}\n/);
  // Points of all peers, sizes and numbers of threads of the smoke run.
  expect(rows.filter((row) => row.suite === 'curve').length).toBe(34);
  expect(readFileSync(chart, 'utf8').match(/<circle class="dot colour-/g)?.length).toBe(14);
});

test('the stages are timed, and each of them takes some time', { timeout: 60_000 }, () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [STAGES, '2'], { encoding: 'utf8', timeout: 55_000 });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const figures = [...stdout.matchAll(/^ {2,4}(?!difference)(\S.*?) +(-?[\d.]+) ns$/gm)];
  expect(figures.length).toBeGreaterThan(60);
  for (const [line, , ns] of figures) expect(Number(ns), line).toBeGreaterThanOrEqual(0);
  expect(figures.filter(([, name]) => name === 'sum of the stages').length).toBe(10);
  expect(spawnSync(process.execPath, [STAGES, 'many'], { encoding: 'utf8' }).status).toBe(2);
});

test('a mistake on the command line exits with 2 and says what is accepted', () => {
  for (const args of [
    ['--suite', 'nope'],
    ['--runs', '0'],
    ['--runs', 'many'],
    ['--fast'],
    ['extra'],
    ['--chart', ''],
    ['--suite', 'scale', '--chart', 'x.svg'],
  ]) {
    const { status, stderr } = bench(...args);
    expect(status, args.join(' ')).toBe(2);
    expect(stderr).toContain('--suite NAME');
  }
  const { status, stdout } = bench('--help');
  expect(status).toBe(0);
  expect(stdout).toContain('Usage: npm run bench');
});
