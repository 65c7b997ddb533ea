/** The chart of the curve shows what the rows say: every point where its value belongs, nothing that was not measured, text that is only text. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { curveChart, factsOf } from '../../../bench/curve-chart.mjs';
import { curvePoints, formatCurveTable } from '../../../bench/curve-table.mjs';
import { caseOf, PAYLOADS, pointOf } from '../../../bench/suites/curve/points.mjs';

interface Point {
  readonly peer: string;
  readonly payload: string;
  readonly threads: number;
  readonly declared: boolean;
  readonly median: number;
}

const FACTS: readonly (readonly [string, string])[] = [
  ['engine', 'native: the best engine'],
  ['cpu', 'Some <Processor> & Co "9", 2 cores, 4.0 GiB'],
  ['date', '2026-11-21T00:00:00.000Z'],
];

const rowOf = (point: Point): object => {
  const { peer, median } = point;
  return { suite: 'curve', case: caseOf(point), peer, unit: 'messages/s', median, min: median / 2, max: median * 2, n: 3 };
};

const points: fc.Arbitrary<Point[]> = fc
  .uniqueArray(
    fc.record({
      peer: fc.constantFrom('nexus', 'raw-ring', 'postMessage'),
      payload: fc.constantFrom(...PAYLOADS.map(({ name }) => name)),
      threads: fc.integer({ min: 1, max: 4 }),
      declared: fc.boolean(),
      median: fc.double({ min: 1, max: 1e9, noNaN: true }),
    }),
    { minLength: 1, maxLength: 60, selector: ({ peer, payload, threads, declared }) => `${peer} ${payload} ${threads} ${declared}` },
  )
  .map((all) => all.map((point) => ({ ...point, declared: point.declared || point.peer !== 'nexus' })))
  .map((all) => [...new Map(all.map((point) => [`${point.peer} ${caseOf(point)}`, point])).values()]);

/** Places of the points of all lines, by the class of their group. */
function placesIn(svg: string): { readonly style: string; readonly colour: string; readonly places: readonly (readonly [number, number])[] }[] {
  const drawn = svg.slice(svg.indexOf('</style>'), svg.indexOf('colour: threads'));
  return [...drawn.matchAll(/<g class="line (\w+)"><path class="(colour-\d)" d="([^"]+)"/g)].map(([, style, colour, path]) => ({
    style: style as string,
    colour: colour as string,
    places: (path as string)
      .split(/[ML]/)
      .filter(Boolean)
      .map((pair) => pair.trim().split(' ').map(Number) as unknown as readonly [number, number]),
  }));
}

test('the name of a case says which point it is, and back', () => {
  for (const { name } of PAYLOADS as { name: string }[]) {
    for (const threads of [1, 2, 16])
      for (const declared of [true, false]) expect(pointOf(caseOf({ payload: name, threads, declared }))).toEqual({ payload: name, threads, declared });
  }
  for (const name of ['tell, one agent', '2 threads', '2 threads, 3 B', 'threads, 20 B', '2 threads, 20 B, declared']) expect(pointOf(name)).toBeUndefined();
});

test('every point is drawn once, within the axes; more messages are higher, larger payloads further right', () => {
  fc.assert(
    fc.property(points, (all) => {
      const svg = curveChart(all.map(rowOf), FACTS);
      const lines = placesIn(svg);
      expect(lines.reduce((count, { places }) => count + places.length, 0)).toBe(all.length);
      const styleOf = ({ peer, declared }: Point): string =>
        peer === 'raw-ring' ? 'limit' : peer === 'postMessage' ? 'post' : declared ? 'nexus' : 'undeclared';
      const threads = [...new Set(all.map((point) => point.threads))].sort((a, b) => a - b);
      const placed = lines.flatMap(({ style, colour, places }) => {
        const own = all.filter((point) => styleOf(point) === style && `colour-${threads.indexOf(point.threads)}` === colour);
        const inOrder = PAYLOADS.flatMap(({ name }) => own.filter((point) => point.payload === name));
        expect(places.length).toBe(inOrder.length);
        return inOrder.map((point, index) => ({ point, place: places[index] as readonly [number, number] }));
      });
      expect(placed.length).toBe(all.length);
      for (const { point, place } of placed) {
        expect(place[0] >= 84 && place[0] <= 704 && place[1] >= 116 && place[1] <= 552, JSON.stringify({ point, place })).toBe(true);
        for (const other of placed) {
          if (other.point.median > point.median) expect(other.place[1]).toBeLessThanOrEqual(place[1]);
          if (other.point.payload === point.payload) expect(other.place[0]).toBe(place[0]);
        }
      }
    }),
    { numRuns: 100 },
  );
});

test('an axis in decades: ten times as many messages are the same distance everywhere', () => {
  const medians = [1e3, 1e4, 1e5, 1e6, 1e7];
  const all = PAYLOADS.map(({ name }, index) => ({
    peer: 'nexus',
    payload: name,
    threads: 1,
    declared: true,
    median: medians[index] as number,
  }));
  const heights = (placesIn(curveChart(all.map(rowOf), FACTS))[0]?.places ?? []).map(([, y]) => y);
  expect(heights).toEqual([552, 443, 334, 225, 116]);
});

test('the chart names machine and cores, holds the numbers as text, and is well-formed whatever the machine is called', () => {
  const svg = curveChart([rowOf({ peer: 'nexus', payload: '20 B', threads: 3, declared: true, median: 1_234_567 })], FACTS);
  expect(svg).toContain(
    '<title id="title">Messages per second between threads, by payload and number of threads, on Some &lt;Processor&gt; &amp; Co &quot;9&quot;',
  );
  expect(svg).toContain('The machine has 2 cores');
  expect(/<desc id="desc">([\s\S]*)<\/desc>/.exec(svg)?.[1]).toMatch(/nexus\s+20 B\s+1,230,000/);
  expect(svg).toContain('prefers-color-scheme: dark');
  const open: string[] = [];
  for (const [, closing, name, empty] of svg.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g)) {
    if (closing === '/') expect(open.pop()).toBe(name);
    else if (empty !== '/') open.push(name as string);
  }
  expect(open).toEqual([]);
  expect(svg.replace(/<\/?[a-z]+(?: [\w:-]+="[^"<>]*")*\/?>/g, '')).not.toMatch(/[<>]/);
});

test('rows of other suites are not drawn, and without points there is an error', () => {
  const other = { suite: 'scale', case: '2 threads, 20 B', peer: 'nexus', unit: 's', median: 1, min: 1, max: 1, n: 1 };
  expect(curvePoints([other])).toEqual([]);
  expect(formatCurveTable([other])).toBe('');
  expect(() => curveChart([other], FACTS)).toThrow("no rows of the suite 'curve'");
});

test('a result that was kept is drawn with its own facts, and only with the text that belongs to its rows', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-curve-test-'));
  try {
    const rows = [rowOf({ peer: 'postMessage', payload: '64 kB', threads: 2, declared: true, median: 5e4 })];
    const sha256 = createHash('sha256').update(JSON.stringify(rows)).digest('hex');
    const text = (hash: string): string =>
      `nexus-agents benchmarks\n  engine  wasm: forced\n  cpu     A, 7 cores, 1.0 GiB\n  sha256  ${hash} of the rows as JSON\n\nmedian\n  1 thread  x\n`;
    expect(factsOf(text(sha256)).map(([name]) => name)).toEqual(['engine', 'cpu', 'sha256']);
    writeFileSync(join(folder, 'rows.json'), `${JSON.stringify(rows, null, 2)}\n`);
    const draw = (hash: string): number | null => {
      writeFileSync(join(folder, 'table.txt'), text(hash));
      const script = fileURLToPath(new URL('../../../bench/curve-chart.mjs', import.meta.url));
      return spawnSync(process.execPath, [script, 'rows.json', 'table.txt', 'chart.svg'], { cwd: folder, timeout: 30_000 }).status;
    };
    expect(draw(sha256)).toBe(0);
    const svg = readFileSync(join(folder, 'chart.svg'), 'utf8');
    expect(svg).toContain('The machine has 7 cores');
    expect(svg).toContain('engine wasm');
    expect(draw('0'.repeat(64))).toBe(1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
