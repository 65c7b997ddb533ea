/** Traces: their hash, their lines and files, where two differ, and the picture of one. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sequenceDiagram } from '../../dist/ts-src/testing/simulation/diagram.js';
import { checkedPlan } from '../../dist/ts-src/testing/simulation/plan-check.js';
import { Trace, type TraceEntry, traceEntryOf, traceLine } from '../../dist/ts-src/testing/simulation/trace.js';
import { differenceText, firstDifference, readTraceFile, traceFileText } from '../../dist/ts-src/testing/simulation/trace-file.js';

const MARKS = ['send', 'receive', 'lose', 'fault', 'event'] as const;
const entry = fc.record({
  atMs: fc.integer({ min: 0, max: 1e9 }).map((micros) => micros / 1000),
  mark: fc.constantFrom(...MARKS),
  node: fc.nat(9),
  peer: fc.nat(9),
  id: fc.nat(1e6),
  text: fc.string().map((text) => text.replace(/[\r\n]/g, '').trim()),
}) as fc.Arbitrary<TraceEntry>;
const traced = (entries: readonly TraceEntry[], entriesMax = 1000): Trace => {
  const trace = new Trace({ entriesMax });
  for (const { atMs, mark, node, peer, id, text } of entries) trace.note(atMs, mark, node, peer, id, text);
  return trace;
};

describe('a trace', () => {
  test('any change of one entry changes the hash, and the same entries give the same one, whether they are kept or not', () => {
    fc.assert(
      fc.property(
        fc.array(entry, { minLength: 1, maxLength: 20 }),
        fc.nat(),
        fc.constantFrom('atMs', 'mark', 'node', 'peer', 'id', 'text'),
        (entries, at, field) => {
          const index = at % entries.length;
          const old = entries[index] as TraceEntry;
          const changed = {
            ...old,
            [field]: field === 'mark' ? (old.mark === 'send' ? 'event' : 'send') : field === 'text' ? `${old.text}!` : old[field] + 1,
          } as TraceEntry;
          expect(traced(entries, 0).hash).toBe(traced(entries).hash);
          expect(traced(entries.with(index, changed)).hash).not.toBe(traced(entries).hash);
        },
      ),
    );
  });

  test('an entry is a line, and the line is the entry again', () => {
    fc.assert(
      fc.property(entry, (given) => {
        const withNode = given.node === 0 ? { ...given, peer: 0 } : given;
        const line = traceLine(withNode);
        expect(line).not.toContain('\n');
        expect(traceEntryOf(line)).toEqual(withNode);
      }),
    );
    expect(traceLine({ atMs: 12.345, mark: 'send', node: 1, peer: 3, id: 17, text: 'ping' })).toBe('12.345 send 1>3 #17 ping');
    expect(traceEntryOf('no line')).toBeUndefined();
  });

  test('keeps the last entries, and says how many there were before', () => {
    const trace = traced(
      Array.from({ length: 100 }, (_, index) => ({ atMs: index, mark: 'say', node: 0, peer: 0, id: index, text: 'x' })),
      10,
    );
    expect(trace.count).toBe(100);
    expect(trace.entries.map(({ id }) => id)).toEqual([90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
    expect(trace.tail(2)).toBe('... 98 before\n98.000 say - #98 x\n99.000 say - #99 x');
  });
});

const plan = checkedPlan({ seed: 7, nodes: 3, durationMs: 1000 });
const entries: TraceEntry[] = [
  { atMs: 0, mark: 'start', node: 1, peer: 0, id: 0, text: '' },
  { atMs: 0, mark: 'start', node: 2, peer: 0, id: 0, text: '' },
  { atMs: 0, mark: 'start', node: 3, peer: 0, id: 0, text: '' },
  { atMs: 1000, mark: 'send', node: 1, peer: 2, id: 1, text: 'ping' },
  { atMs: 1001.5, mark: 'receive', node: 1, peer: 2, id: 1, text: '' },
  { atMs: 1001.5, mark: 'send', node: 2, peer: 1, id: 2, text: 'ack' },
  { atMs: 1001.5, mark: 'duplicate', node: 2, peer: 1, id: 2, text: '' },
  { atMs: 1002, mark: 'receive', node: 2, peer: 1, id: 2, text: '' },
  { atMs: 1003, mark: 'receive', node: 2, peer: 1, id: 2, text: '' },
  { atMs: 1200, mark: 'fault', node: 0, peer: 0, id: 1, text: 'partition 1,2 | 3' },
  { atMs: 1300, mark: 'send', node: 1, peer: 3, id: 3, text: 'ping' },
  { atMs: 1300, mark: 'lose', node: 1, peer: 3, id: 3, text: 'cut' },
  { atMs: 1500, mark: 'fault', node: 0, peer: 0, id: 2, text: 'pause of 2' },
  { atMs: 1500, mark: 'pause', node: 2, peer: 0, id: 0, text: '' },
  { atMs: 1800, mark: 'event', node: 1, peer: 0, id: 0, text: 'n3 is <suspect> & silent' },
  { atMs: 2500, mark: 'resume', node: 2, peer: 0, id: 0, text: '' },
  { atMs: 2500, mark: 'healed', node: 0, peer: 0, id: 2, text: 'pause of 2' },
  { atMs: 3000, mark: 'crash', node: 3, peer: 0, id: 0, text: 'silent' },
  { atMs: 3100, mark: 'send', node: 2, peer: 3, id: 4, text: 'ping' },
];

describe('a trace file', () => {
  const header = { module: 'shop.mjs', plan, hash: traced(entries).hash, entries: entries.length, version: '0.1.0', failure: undefined };

  test('is read as it was written, and the hash of what is read is the one it says', () => {
    const read = readTraceFile(traceFileText(header, entries), 'x.trace');
    expect(read.header).toEqual({ nexusTrace: 1, ...header });
    expect(read.entries).toEqual(entries);
    expect(traced(read.entries).hash).toBe(header.hash);
  });

  test('says what is wrong with it', () => {
    expect(() => readTraceFile('hello', 'x.trace')).toThrow('x.trace: the first line is no JSON');
    expect(() => readTraceFile('{}', 'x.trace')).toThrow('x.trace: the first line does not say what was run');
    expect(() => readTraceFile('{"nexusTrace":99}', 'x.trace')).toThrow('x.trace: it is of format 99, and this version reads 1');
    expect(() => readTraceFile(`${traceFileText(header, entries)}what?\n`, 'x.trace')).toThrow(
      `x.trace: line ${entries.length + 2} is no entry of a trace: what?`,
    );
    expect(() => readTraceFile(traceFileText({ ...header, plan: { ...plan, nodes: 0 } }, entries), 'x.trace')).toThrow('x.trace: plan.nodes: is 0');
  });

  test('a difference that is planted is found where it is: another text, one entry too many, one too few', () => {
    expect(firstDifference(entries, entries)).toBeUndefined();
    const other = entries.with(7, { ...(entries[7] as TraceEntry), atMs: 1002.001 });
    const difference = firstDifference(entries, other);
    expect(difference).toMatchObject({ index: 7, recorded: '1002.000 receive 2>1 #2', now: '1002.001 receive 2>1 #2' });
    expect(differenceText(difference as NonNullable<typeof difference>)).toContain('first difference: entry 7');
    expect(firstDifference(entries, entries.slice(0, -1))).toMatchObject({ index: entries.length - 1, now: undefined });
    expect(firstDifference(entries.slice(0, -1), entries)).toMatchObject({ index: entries.length - 1, recorded: undefined });
  });
});

describe('a sequence diagram', () => {
  test('is the picture that was looked at', () => {
    const svg = sequenceDiagram(entries, { title: 'seed 7' });
    expect(svg).toBe(readFileSync(new URL('./diagram.svg', import.meta.url), 'utf8'));
    // A lifeline each, arrows for what came, crosses for what did not, nothing that is not escaped.
    expect(svg.match(/class="name"/g)).toHaveLength(3);
    expect(svg.match(/class="tip/g)).toHaveLength(3);
    expect(svg.match(/class="cross"/g)).toHaveLength(1);
    expect(svg.match(/class="band"/g)).toHaveLength(2);
    expect(svg).toContain('n3 is &lt;suspect&gt; &amp; silent');
    expect(svg).not.toMatch(/NaN|undefined/);
  });

  test('of a window has only that, says what it leaves out, and is refused where nothing happened', () => {
    const svg = sequenceDiagram(entries, { fromMs: 1000, toMs: 1300, messagesMax: 2 });
    expect(svg).toContain('1 more messages are not drawn');
    expect(svg).not.toContain('suspect');
    expect(() => sequenceDiagram(entries, { fromMs: 5000 })).toThrow('nothing happened in that time');
  });

  test('any trace can be drawn', () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 40 }), (drawn) => {
        expect(sequenceDiagram(drawn)).not.toMatch(/NaN|Infinity|="undefined/);
      }),
    );
  });
});
