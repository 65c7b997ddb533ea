import { describe, expect, it } from 'vitest';
import { PLACED_RANGES_MAX, type PlacementAddon, pinCallingThread, placedRanges, placeMemory } from '../../../dist/bindings/host-topology-placement.js';
import { createSharedMemory, ringOffset, type SharedMemory } from '../../../dist/bindings/shared-memory.js';
import { type PlacementPlan, planPlacement } from '../../../dist/ts-src/model/thread-placement.js';
import { recordedHost } from './recorded-host.js';

const THREADS = 4;
const shared: SharedMemory = createSharedMemory({ threadCount: THREADS, recordCapacity: 4096, ringBytes: 65_536 }, [1, 2]);
const host = recordedHost('two-nodes-hyper-threads');

/** An addon whose calls answer `errno` and are written down. */
function addonThat(errno: number): PlacementAddon & { readonly calls: unknown[][] } {
  const calls: unknown[][] = [];
  const answer =
    (name: string) =>
    (...values: unknown[]): number => {
      calls.push([name, ...values.slice(name === 'pinThread' ? 0 : 1)]);
      return errno;
    };
  return { calls, pinThread: answer('pinThread'), bindMemory: answer('bindMemory'), interleaveMemory: answer('interleaveMemory') };
}

describe('the ranges of a plan', () => {
  it.each(['compact', 'spread'] as const)('are the table and every ring, by its reader, without gap or overlap (%s)', (policy) => {
    const plan = planPlacement(host, THREADS, policy);
    const ranges = placedRanges(shared, plan);
    let end = shared.bucketsOffset;
    for (const { offset, bytes } of ranges) {
      expect(offset).toBe(end);
      end = offset + bytes;
    }
    expect(end).toBe(ringOffset(shared, THREADS - 1, THREADS - 1) + (ringOffset(shared, 0, 1) - ringOffset(shared, 0, 0)));
    for (let from = 0; from < THREADS; from++) {
      for (let to = 0; to < THREADS; to++) {
        if (from === to) continue;
        const offset = ringOffset(shared, from, to);
        expect(ranges.find((range) => range.offset <= offset && offset < range.offset + range.bytes)?.home).toEqual(plan.rings[to]);
      }
    }
  });

  it('are one where everything has the same home, and none where nothing has one', () => {
    expect(placedRanges(shared, planPlacement(host, THREADS, 'compact'))).toHaveLength(1);
    expect(placedRanges(shared, planPlacement(host, THREADS, 'none'))).toEqual([]);
  });
});

describe('placing memory', () => {
  const spread = planPlacement(host, THREADS, 'spread');

  it('binds the rings and interleaves the table', () => {
    const addon = addonThat(0);
    expect(placeMemory(shared, spread, host, addon)).toEqual([]);
    expect(addon.calls[0]).toEqual(['interleaveMemory', shared.bucketsOffset, shared.ringsOffset - shared.bucketsOffset, new Uint8Array([0b11])]);
    expect(addon.calls.slice(1).every(([name, , , node]) => name === 'bindMemory' && (node === 0 || node === 1))).toBe(true);
  });

  it('takes sets of nodes beyond the first eight', () => {
    const addon = addonThat(0);
    const plan: PlacementPlan = { ...spread, table: { type: 'interleaved', nodes: [0, 9, 17] } };
    placeMemory(shared, plan, host, addon);
    expect(addon.calls[0]?.[3]).toEqual(new Uint8Array([1, 2, 2]));
  });

  it('that is refused is one refusal for each reason, with the number of ranges', () => {
    const addon = addonThat(1);
    const refusals = placeMemory(shared, spread, host, addon);
    expect(refusals).toEqual([
      {
        operation: 'place shared memory on nodes 0, 1 in turn',
        code: 'EPERM',
        reason: expect.stringContaining(`${addon.calls.length} of ${addon.calls.length} ranges`),
      },
    ]);
  });

  it('has at most as many ranges as the kernel can keep, and says when that is too few', () => {
    const many = createSharedMemory({ threadCount: 128, recordCapacity: 4096, ringBytes: 16_384 }, [1, 2]);
    const addon = addonThat(0);
    const refusals = placeMemory(many, planPlacement(host, 128, 'spread'), host, addon);
    expect(refusals).toEqual([
      { operation: 'place each ring on the node of its reader', code: 'LIMIT', reason: expect.stringContaining(String(PLACED_RANGES_MAX)) },
    ]);
    expect(addon.calls.map(([name]) => name)).toEqual(['interleaveMemory', 'interleaveMemory']);
    expect((addon.calls[1]?.[1] as number) + (addon.calls[1]?.[2] as number)).toBeLessThanOrEqual(many.bytes.length);
  });

  it('does nothing on a host with one node', () => {
    const one = recordedHost('vm-1-node');
    const addon = addonThat(0);
    expect(placeMemory(shared, planPlacement(one, THREADS, 'compact'), one, addon)).toEqual([]);
    expect(addon.calls).toEqual([]);
  });
});

describe('pinning', () => {
  it('is done without a word, or refused with the reason', () => {
    const addon = addonThat(0);
    expect(pinCallingThread(2, 5, addon)).toBeUndefined();
    expect(addon.calls).toEqual([['pinThread', 5]]);
    expect(pinCallingThread(2, 5, addonThat(22))).toEqual({ operation: 'pin thread 2 to cpu 5', code: 'EINVAL', reason: expect.any(String) });
    expect(pinCallingThread(2, 5, addonThat(38))?.code).toBe('ENOSYS');
  });
});
