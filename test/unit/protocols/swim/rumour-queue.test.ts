import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nodeKey } from '../../../../dist/ts-src/model/node-identity.js';
import { RUMOURS_BYTES_MAX, RumourQueue } from '../../../../dist/ts-src/protocols/swim/rumour-queue.js';
import { type Rumour, RUMOURS_MAX } from '../../../../dist/ts-src/protocols/swim/swim-messages.js';
import { identityOf, rumours } from './rumours.js';

/** The dumb twin: one list, sorted for every message. */
class SortedRumours {
  #waiting: { rumour: Rumour; told: number; since: number }[] = [];
  #clock = 0;

  put(rumour: Rumour): void {
    this.remove(rumour);
    this.#waiting.push({ rumour, told: 0, since: this.#clock++ });
  }

  remove({ about }: Rumour): void {
    this.#waiting = this.#waiting.filter(({ rumour }) => nodeKey(rumour.about) !== nodeKey(about));
  }

  take(tellings: number): readonly Rumour[] {
    const taken = this.#waiting.sort((a, b) => a.told - b.told || a.since - b.since).slice(0, RUMOURS_MAX);
    for (const entry of taken) {
      entry.told += 1;
      entry.since = this.#clock++;
    }
    this.#waiting = this.#waiting.filter(({ told }) => told < tellings);
    return taken.map(({ rumour }) => rumour);
  }

  get size(): number {
    return this.#waiting.length;
  }
}

test('the queue tells what a list that is sorted for every message tells', () => {
  const steps = fc.array(
    fc.oneof(
      rumours.map((rumour) => ({ type: 'put' as const, rumour })),
      rumours.map((rumour) => ({ type: 'remove' as const, rumour })),
      fc.integer({ min: 1, max: 5 }).map((tellings) => ({ type: 'take' as const, tellings })),
    ),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(steps, (all) => {
      const queue = new RumourQueue();
      const twin = new SortedRumours();
      for (const step of all) {
        if (step.type === 'take') expect(queue.take(step.tellings)).toEqual(twin.take(step.tellings));
        else if (step.type === 'put') {
          queue.put(step.rumour);
          twin.put(step.rumour);
        } else {
          queue.remove(step.rumour.about);
          twin.remove(step.rumour);
        }
        expect(queue.size).toBe(twin.size);
      }
    }),
  );
});

const about = (index: number, metadataBytes = 0): Rumour => ({
  about: identityOf(`n${index}`),
  refutation: 1,
  state: 'reachable',
  by: `n${index}`,
  metadata: new Uint8Array(metadataBytes),
});

test('a message carries no more rumours than it may, and the others go with the next', () => {
  const queue = new RumourQueue();
  for (let index = 0; index < RUMOURS_MAX + 10; index++) queue.put(about(index));
  const first = queue.take(3);
  const second = queue.take(3);
  expect([first.length, second.length]).toEqual([RUMOURS_MAX, RUMOURS_MAX]);
  expect(second.slice(0, 10).map((rumour) => rumour.about.name)).toEqual(Array.from({ length: 10 }, (_, index) => `n${RUMOURS_MAX + index}`));
});

test('a message stays small when what members say of themselves is large', () => {
  const queue = new RumourQueue();
  for (let index = 0; index < 20; index++) queue.put(about(index, 4096));
  const taken = queue.take(1);
  expect(taken.length).toBeGreaterThan(0);
  expect(taken.reduce((sum, { metadata }) => sum + (metadata?.length ?? 0), 0)).toBeLessThanOrEqual(RUMOURS_BYTES_MAX);
  expect(queue.size).toBe(20 - taken.length);
});

test('what must be in a message is first, is not told twice in it, and counts for nothing', () => {
  const queue = new RumourQueue();
  const [one, two] = [about(1), about(2)];
  queue.put(one);
  queue.put(two);
  expect(queue.take(1, [two])).toEqual([two, one]);
  expect(queue.take(1)).toEqual([two]);
  expect(queue.size).toBe(0);
});
