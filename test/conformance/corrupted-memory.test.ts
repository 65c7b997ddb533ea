/**
 * What a thread that crashed or went wild can leave in the shared memory: the inputs that the C++ fuzzer found, replayed through every engine. Nothing may crash, hang or
 * throw, and what the reads return is the same. Each engine runs in a process of its own, for code that hangs in a loop cannot be ended otherwise.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { RingReader } from '../../dist/bindings/portable/ring.js';
import { ringOffset } from '../../dist/bindings/shared-memory.js';
import * as L from '../../dist/layout/generated/layout.js';
import { loaded, memory } from './tables.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const corpus = join(root, 'native/test/corpus/table');
const files = readdirSync(corpus).sort();
const DEADLINE_MS = 60_000;

/** What the reads of the engine returned for each input, by the input's name, and those of the portable one on the same memory. */
function replay(engine: string): Map<string, { readonly read: unknown; readonly oracle: unknown }> {
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'test/fixtures/corrupted-table.mjs'), engine, ...files.map((file) => join(corpus, file))],
    { encoding: 'utf8', timeout: DEADLINE_MS, maxBuffer: 2 ** 28 },
  );
  const lines = stdout.split('\n').filter(Boolean);
  expect({ status, signal, stderr: stderr.slice(0, 2000), at: status === 0 ? '' : lines[lines.length - 1]?.split('\t')[0] }).toEqual({
    status: 0,
    signal: null,
    stderr: '',
    at: '',
  });
  return new Map(
    lines.map((line) => {
      const [file = '', result = ''] = line.split('\t');
      return [file, JSON.parse(result)];
    }),
  );
}

describe('corrupted memory', () => {
  for (const engine of loaded.addon === undefined ? ['portable', 'wasm'] : ['portable', 'wasm', 'native', 'fastest']) {
    it(
      `${engine} reads the same as portable, and nothing crashes, hangs or throws`,
      () => {
        const results = replay(engine);
        expect([...results.keys()]).toEqual(files);
        for (const [file, { read, oracle }] of results) expect(read, file).toEqual(oracle);
        // The inputs do something.
        expect(files.length).toBeGreaterThan(20);
        expect(new Set([...results.values()].map(({ read }) => JSON.stringify(read))).size).toBeGreaterThan(10);
      },
      DEADLINE_MS,
    );
  }

  it.each([0, 4, -8, 0x7ffffff8, 72])('a ring whose message says that it has %d bytes is dropped with an error, and used again', (bytes) => {
    const shared = memory(2);
    const at = ringOffset(shared, 1, 0);
    const tailAt = (at >> 2) + L.RING_WORD_TAIL;
    const dataAt = (at + L.RING_HEADER_BYTES) >> 2;
    const reader = new RingReader(shared, 1, 0);
    shared.words[dataAt + L.MESSAGE_WORD_BYTES] = bytes;
    shared.words[dataAt + L.MESSAGE_WORD_TYPE] = L.MESSAGE_TYPE_PADDING;
    Atomics.store(shared.words, tailAt, 64);
    expect(() => reader.read(8, () => undefined)).toThrow(expect.objectContaining({ code: 'NEXUS_MESSAGE_CORRUPT' }));
    expect(reader.hasData).toBe(false);
    const next = dataAt + 64 / 4;
    shared.words[next + L.MESSAGE_WORD_BYTES] = 16;
    shared.words[next + L.MESSAGE_WORD_TYPE] = L.MESSAGE_TYPE_TELL;
    Atomics.store(shared.words, tailAt, 80);
    const received: number[] = [];
    expect(reader.read(8, (message) => received.push(message))).toBe(1);
    expect(received).toEqual([next * 4]);
  });
});
