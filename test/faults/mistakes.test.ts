/**
 * Mistakes that the fault points and the long runs exist for, each made in a copy of the build: the check must notice it. A check that finds nothing wrong with a broken
 * build proves nothing about the real one.
 */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { compileSteppedBytes } from '../unit/wasm/stepped-module.js';
import { runCycles } from '../long/park-run.mjs';
import { changedBuild, changedText, IMPATIENT } from './changed-build.mjs';
import { killLink } from './link-kills.js';
import { killTableCall } from './table-kills.js';

const TABLE = 'bindings/portable/routing-table.js';
const RING = 'bindings/portable/ring.js';
const WAITER = 'bindings/portable/waiter.js';
let steppedModule: Uint8Array;
const cleanUps: (() => void)[] = [];

beforeAll(async () => {
  steppedModule = await compileSteppedBytes();
});
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

function broken(...changes: { file: string; from: string; to: string }[]): string {
  const { dist, remove } = changedBuild(changes);
  cleanUps.push(remove);
  return dist;
}

describe('in the table', () => {
  test.each([
    {
      mistake: 'a pending record is not taken back by inherit',
      scenario: 'insert of a long name with a payload beyond its bucket',
      from: 'this.#changeState(record, state, L.RECORD_STATE_ABORTED);',
      to: 'continue;',
      says: /is lost|stale|cannot be taken|gave/,
    },
    {
      mistake: 'groups of a predecessor are not resumed',
      scenario: 'the first insert of a thread',
      from: 'this.#allocator.adopt(inUse);',
      to: '',
      // It stumbles over a record of a group that it does not know.
      says: /is lost|undefined \(reading 'free'\)/,
    },
    {
      mistake: 'the entry of a record that is not live is not cleared by inherit',
      scenario: 'remove of a long name beyond its bucket',
      from: 'this.#setState(record, L.RECORD_STATE_FREE);\n                this.#clearEntry(record);',
      to: 'this.#setState(record, L.RECORD_STATE_FREE);',
      says: /stale/,
    },
    {
      mistake: 'the position is written after the entry',
      scenario: 'insert of a long name with a payload beyond its bucket',
      from: 'words[this.#at(record) + L.RECORD_WORD_ENTRY] = base + entry;\n                if (Atomics.compareExchange(words, this.#bucketsAt + base + entry, 0, word) === 0)\n                    return base + entry;',
      to: 'if (Atomics.compareExchange(words, this.#bucketsAt + base + entry, 0, word) === 0) { words[this.#at(record) + L.RECORD_WORD_ENTRY] = base + entry; return base + entry; }',
      says: /stale/,
    },
    {
      mistake: 'overflow is counted after the entry',
      scenario: 'insert of a long name with a payload beyond its bucket',
      from: 'Atomics.add(words, this.#bucketsAt + base + L.BUCKET_WORD_OVERFLOW, 1);',
      to: '(this.passed ??= []).push(base);',
      more: {
        from: 'if (this.#settle(record, pending, entryAt) === L.RECORD_STATE_LIVE)\n',
        to: 'for (const base of this.passed?.splice(0) ?? []) Atomics.add(this.#words, this.#bucketsAt + base, 1);\nif (this.#settle(record, pending, entryAt) === L.RECORD_STATE_LIVE)\n',
      },
      says: /overflow of bucket/,
    },
    {
      mistake: 'an insert waits for a pending one instead of deciding against it',
      scenario: 'insert against a later pending one of a dead thread',
      from: 'if (!pending)\n            return true;',
      to: 'if (!pending)\n            return true;\n        const until = performance.now() + 100;\n        while (this.#state(other) === state && performance.now() < until);\n        if (this.#state(other) === state) throw new Error("waits for ever");',
      says: /waits for ever/,
    },
    {
      mistake: 'the record is live before its bytes are there',
      scenario: 'insert of a long name with a payload beyond its bucket',
      from: 'words[at + L.RECORD_WORD_PAYLOAD_BYTES] = payloadBytes;',
      to: 'words[at + L.RECORD_WORD_PAYLOAD_BYTES] = 0; this.late = () => { words[at + L.RECORD_WORD_PAYLOAD_BYTES] = payloadBytes; };',
      more: {
        from: 'if (this.#settle(record, pending, entryAt) === L.RECORD_STATE_LIVE)\n',
        to: 'if (this.#settle(record, pending, entryAt) === L.RECORD_STATE_LIVE && (this.late(), true))\n',
      },
      says: /another payload/,
    },
  ])('$mistake', { timeout: 120_000 }, async ({ scenario, from, to, says, more }) => {
    const dist = broken({ file: TABLE, from, to }, ...(more === undefined ? [] : [{ file: TABLE, ...more }]));
    await expect(found(killTableCall({ engine: 'portable', scenario, steppedModule, dist, onlyFirst: true }))).resolves.toMatch(says);
  });

  test('the position is written after the entry, in WebAssembly', { timeout: 120_000 }, async () => {
    const from = 'store<u32>(recordAddress(record), entry, ENTRY);\n      if (atomic.cmpxchg<u32>(entryAddress(entry), 0, word) === 0) return entry;';
    const to = 'if (atomic.cmpxchg<u32>(entryAddress(entry), 0, word) === 0) { store<u32>(recordAddress(record), entry, ENTRY); return entry; }';
    const module = await compileSteppedBytes((file, text) => (file === 'routing-table.ts' ? changedText(file, text, from, to) : text));
    const scenario = 'insert of a long name with a payload beyond its bucket';
    await expect(found(killTableCall({ engine: 'wasm', scenario, steppedModule: module, onlyFirst: true }))).resolves.toMatch(/stale/);
  });
});

describe('in a link', () => {
  test.each([
    {
      mistake: 'the tail is published before the message is written',
      role: 'producer',
      file: RING,
      from: 'if (rest >= room)\n            return this.#hasFree(room) ? this.#dataAt + position : -1;',
      to: 'if (rest >= room) { const free = this.#hasFree(room); if (free) Atomics.store(this.#words, this.#tailAt, (this.#tail + 64) | 0); return free ? this.#dataAt + position : -1; }',
    },
    {
      mistake: 'a successor does not begin its stream anew',
      role: 'producer',
      file: 'ts-src/runtime/outbound-link.js',
      from: 'this.send(L.MESSAGE_TYPE_RESET, 0, incarnation, 0, 0, 0, 0, 0, undefined, undefined, Admission.always);',
      to: '',
    },
    {
      mistake: 'a successor handles what was meant for its predecessor',
      role: 'consumer',
      file: 'ts-src/runtime/inbound-link.js',
      from: 'this.#discarding = incarnation > 0;',
      to: 'this.#discarding = false;',
    },
  ] as const)('$mistake', { timeout: 120_000 }, async ({ role, file, from, to }) => {
    await expect(found(killLink(role, broken({ file, from, to }), true))).resolves.not.toBe('');
  });
});

test('a portable waiter that does not look again before it blocks loses a wake-up', { timeout: 60_000 }, async () => {
  const dist = broken(...IMPATIENT, { file: WAITER, from: 'this.#hasWork() ? undefined : waitAsync', to: 'false ? undefined : waitAsync' });
  const run = runCycles({ cycles: 10_000_000, engine: 'portable', seed: 1, stallMs: 2000, progress: () => undefined, dist });
  await expect(run).rejects.toThrow(/a wake-up was lost after .*PARKED 1/);
});

/** What a check says is wrong, also if it is that something does not return or throws. */
async function found(check: Promise<{ readonly wrong: readonly string[] }>): Promise<string> {
  return check.then(
    ({ wrong }) => wrong.join('\n'),
    (error: Error) => error.message,
  );
}
