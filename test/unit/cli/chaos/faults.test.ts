/** What chaos makes of a plan before anything is done: the programs of packet filters, which faults are skipped, what answers mean, what is counted. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dividedFaults, whySkipped } from '../../../../dist/ts-src/cli/chaos/abilities.js';
import { increases, readCounters } from '../../../../dist/ts-src/cli/chaos/adaptations.js';
import { streamConditions } from '../../../../dist/ts-src/cli/chaos/network.js';
import { outcomeOf } from '../../../../dist/ts-src/cli/chaos/operation-outcome.js';
import { packetFilter } from '../../../../dist/ts-src/cli/chaos/packet-filter.js';
import { SecondRecords, totals } from '../../../../dist/ts-src/cli/chaos/second-records.js';
import { FAULT_KINDS, type Fault, REAL_FAULT_KINDS } from '../../../../dist/ts-src/testing/simulation/fault.js';
import { linkConditions } from '../../../../dist/ts-src/testing/simulation/fault-conditions.js';
import { checkedPlan } from '../../../../dist/ts-src/testing/simulation/plan-check.js';

const IPV4 = 0x0800;
const ARP = 0x0806;

/** The packet filter of the kernel, as far as the programs use it: what becomes of a packet. */
function filtered(program: string, packet: { readonly type: number; readonly to: string }, random: number): 'pass' | 'drop' {
  const [count, ...lines] = program.split(',');
  const code = lines.map((line) => line.split(' ').map(Number) as [number, number, number, number]);
  expect(code).toHaveLength(Number(count));
  let accumulator = 0;
  for (let at = 0; ; at++) {
    const [operation, ifTrue, ifFalse, value] = code[at] as [number, number, number, number];
    if (operation === 0x28 && value === 12) accumulator = packet.type;
    else if (operation === 0x20 && value === 30) accumulator = packet.to.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
    else if (operation === 0x20 && value === 0xfffff038) accumulator = random;
    else if (operation === 0x15) at += accumulator === value ? ifTrue : ifFalse;
    else if (operation === 0x35) at += accumulator >= value ? ifTrue : ifFalse;
    else if (operation === 0x06) return value === 2 ? 'drop' : value === 0 ? 'pass' : expect.fail(`returns ${value}`);
    else return expect.fail(`operation ${operation} ${value}`);
  }
}

test('a packet filter drops what goes to a peer that is cut off, a share of what goes over a link that loses some, and nothing else', () => {
  const rule = fc.record({ to: fc.ipV4(), loss: fc.constantFrom(0, 0.1, 0.5, 0.9, 1) });
  fc.assert(
    fc.property(
      fc.uniqueArray(rule, { selector: ({ to }) => to, maxLength: 6 }),
      fc.ipV4(),
      fc.integer({ min: 0, max: 0xffffffff }),
      (rules, other, random) => {
        const program = packetFilter(rules);
        if (rules.every(({ loss }) => loss === 0)) {
          expect(program).toBeUndefined();
          return;
        }
        for (const { to, loss } of [...rules, { to: other, loss: rules.find((each) => each.to === other)?.loss ?? 0 }]) {
          const isDropped = loss === 1 || random < Math.round(loss * 0xffffffff);
          expect(filtered(program as string, { type: IPV4, to }, random)).toBe(isDropped ? 'drop' : 'pass');
          expect(filtered(program as string, { type: ARP, to }, random)).toBe('pass');
        }
      },
    ),
  );
});

test('of every kind of fault it is known whether real processes can have it, and why not', () => {
  const abilities = { network: 'namespaces', disks: true, whyNoMemory: undefined } as const;
  const skipped = [...FAULT_KINDS, ...REAL_FAULT_KINDS].filter((kind) => whySkipped({ kind } as Fault, abilities) !== undefined);
  expect(skipped.sort()).toEqual(
    ['bitFlips', 'clockDrift', 'clockJump', 'duplication', 'killThread', 'lostWrites', 'readErrors', 'reordering', 'tornWrites', 'writeErrors'].sort(),
  );
  const faults = [
    { kind: 'fullDisk', nodes: [1], atMs: 0, forMs: 1 },
    { kind: 'memoryLimit', nodes: [1], bytes: 1e9, atMs: 0, forMs: 1 },
    { kind: 'pause', nodes: [1], atMs: 0, forMs: 1 },
  ] as const;
  const behindProxy = dividedFaults(faults, { network: 'proxy', disks: false, whyNoMemory: 'no groups' });
  expect(behindProxy.done).toEqual([faults[2]]);
  expect(behindProxy.skipped.map(({ fault, because }) => [fault.kind, because])).toEqual([
    ['fullDisk', 'it needs a disk of limited size, which can be mounted in namespaces only'],
    ['memoryLimit', 'no groups'],
  ]);
});

test('a plan with faults of real processes is checked as others are', () => {
  const plan = (fault: object) => checkedPlan({ seed: 1, nodes: 2, durationMs: 10, faults: [{ atMs: 1, forMs: 2, nodes: [1], ...fault }] });
  expect(plan({ kind: 'byzantineFrames', perSecond: 5 }).faults).toHaveLength(1);
  expect(() => plan({ kind: 'byzantineFrames' })).toThrow('plan.faults[0].perSecond: is undefined; it must be a number from 0.1 to 1000');
  expect(() => plan({ kind: 'memoryLimit', bytes: 3 })).toThrow('plan.faults[0].bytes: is 3');
  expect(() => plan({ kind: 'busyProcessors', processes: 0 })).toThrow('plan.faults[0].processes: is 0');
  expect(() => plan({ kind: 'byzantine' })).toThrow('plan.faults[0].kind');
});

test('what the kernel drops a proxy does not hold, and without the kernel it does', () => {
  const cut = linkConditions(
    [
      { kind: 'partition', atMs: 0, forMs: 1, groups: [[1], [2]] },
      { kind: 'latency', atMs: 0, forMs: 1, addedMs: 5, jitterMs: 2 },
    ],
    1,
    2,
  );
  expect(streamConditions(cut, true)).toEqual({ isHeld: false, loss: 0, corruption: 0, delayMs: { from: 5, to: 7 }, bytesPerSecond: undefined });
  expect(streamConditions(cut, false).isHeld).toBe(true);
  const clogged = linkConditions([{ kind: 'cloggedLink', atMs: 0, forMs: 1, from: 1, to: 2 }], 1, 2);
  expect([streamConditions(clogged, true).isHeld, streamConditions(clogged, false).isHeld]).toEqual([true, true]);
});

test('an error says that an operation has certainly not happened only if it comes before the agent has the message', () => {
  expect(outcomeOf('NEXUS_NODE_UNREACHABLE', false).outcome).toBe('failed');
  expect(outcomeOf('ECONNREFUSED', false).outcome).toBe('failed');
  for (const code of ['NEXUS_OUTCOME_UNKNOWN', 'NEXUS_ASK_TIMEOUT', 'NEXUS_STORE_FAILED', 'NEXUS_STOPPED', 'ECONNRESET', 'no answer', 'status 502'])
    expect([code, outcomeOf(code, false).outcome]).toEqual([code, 'unknown']);
  expect(outcomeOf('NEXUS_ASK_TIMEOUT', true).outcome).toBe('failed');
});

test('each second has its operations, errors, response times and events', () => {
  const records = new SecondRecords();
  for (let ms = 1; ms <= 100; ms++) records.operation(500, 'ok', 'ok', ms);
  records.operation(2100, 'unknown', 'no answer', 6000);
  records.operation(2900, 'failed', 'ECONNREFUSED', 1);
  records.operation(-1, 'ok', 'ok', 1);
  records.event(2500, 'hand-offs', 3);
  const [first, second, third] = records.records();
  expect(first).toMatchObject({ second: 0, ok: 100, failed: 0, unknown: 0, p50Ms: 51, p99Ms: 100, errors: {} });
  expect(second).toMatchObject({ second: 1, ok: 0, p50Ms: undefined });
  expect(third).toMatchObject({ second: 2, ok: 0, failed: 1, unknown: 1, errors: { 'no answer': 1, ECONNREFUSED: 1 }, events: { 'hand-offs': 3 } });
  expect(totals([{ a: 1, b: 2 }, { a: 2 }])).toEqual([
    ['a', 3],
    ['b', 2],
  ]);
});

test('counters of nodes become differences, also across a start', () => {
  const text = (restarted: number) =>
    `# HELP x\nnexus_agents_restarted_total{thread="0"} ${restarted}\nnexus_agents_restarted_total{thread="1"} 2\nnexus_agents 7\n`;
  const before = readCounters(text(3));
  expect([...before]).toEqual([['agents restarted', 5]]);
  expect(increases(before, readCounters(text(4)))).toEqual([['agents restarted', 1]]);
  expect(increases(before, before)).toEqual([]);
  expect(increases(before, readCounters('nexus_agents_restarted_total 1\n'))).toEqual([['agents restarted', 1]]);
});
