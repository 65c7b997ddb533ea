/** Entries of all threads, over queues that are emptied in a random order, while threads are lost: in the end everybody sees what everybody says. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type EntriesMessage, ReplicatedEntries } from '../../../dist/ts-src/runtime/replicated-entries.js';

type Parcel =
  | { readonly type: 'entries'; readonly forIncarnation: number; readonly message: EntriesMessage }
  | { readonly type: 'lost'; readonly thread: number };

const THREADS = 4;

class Threads {
  readonly threads: { entries: ReplicatedEntries; seen: Map<string, unknown>; knownIncarnations: number[] }[] = [];
  /** In shared memory: of the thread that is there. */
  readonly incarnations = Array.from({ length: THREADS }, () => 0);
  readonly queues: Parcel[][][] = Array.from({ length: THREADS }, () => Array.from({ length: THREADS }, () => []));

  constructor() {
    for (let thread = 0; thread < THREADS; thread++) this.threads.push(this.#open(thread));
  }

  /** The successor serves at once; the others learn of the loss from thread 0, each in its own time. */
  lose(thread: number): void {
    const incarnation = (this.incarnations[thread] as number) + 1;
    this.incarnations[thread] = incarnation;
    this.threads[thread] = this.#open(thread);
    this.#handleLoss(0, thread);
    for (let other = 1; other < THREADS; other++) if (other !== thread) this.#queue(0, other).push({ type: 'lost', thread });
    this.entriesOf(thread).put('subscriptions', `of ${thread}.${incarnation}`, incarnation);
    this.entriesOf(thread).announce();
  }

  entriesOf(thread: number): ReplicatedEntries {
    return (this.threads[thread] as Threads['threads'][number]).entries;
  }

  /** False if nothing waited there. */
  receive(from: number, to: number): boolean {
    const parcel = this.#queue(from, to).shift();
    if (parcel === undefined) return false;
    // What was sent to a predecessor ends there.
    if (parcel.type === 'entries' && parcel.forIncarnation === this.incarnations[to]) this.entriesOf(to).received(parcel.message);
    if (parcel.type === 'lost') this.#handleLoss(to, parcel.thread);
    return true;
  }

  drain(): void {
    for (let moved = true; moved; ) {
      moved = false;
      for (let from = 0; from < THREADS; from++) for (let to = 0; to < THREADS; to++) moved = this.receive(from, to) || moved;
    }
  }

  #handleLoss(at: number, thread: number): void {
    // As the runtime does: what it said before it ended still counts.
    while (this.receive(thread, at));
    // What waits for room in the ring was encoded for its predecessor, also if it is the second loss of it.
    this.#queue(at, thread).length = 0;
    (this.threads[at] as Threads['threads'][number]).knownIncarnations[thread] = this.incarnations[thread] as number;
    this.entriesOf(at).threadLost(thread, true);
  }

  #open(thread: number): Threads['threads'][number] {
    const seen = new Map<string, unknown>();
    // Its stream to each of the others begins with the incarnation they have now.
    const knownIncarnations = [...this.incarnations];
    const entries = new ReplicatedEntries({
      thread,
      incarnation: this.incarnations[thread] as number,
      threadCount: THREADS,
      incarnationOf: (other) => this.incarnations[other] as number,
      canReach: () => true,
      send: (to, message) => void this.#queue(thread, to).push({ type: 'entries', forIncarnation: knownIncarnations[to] as number, message }),
      roundTrip: async () => true,
      awaitsSuccessor: () => false,
    });
    entries.listen('subscriptions', ({ thread: of, key, value }) => {
      if (value === undefined) seen.delete(`${of} ${key}`);
      else seen.set(`${of} ${key}`, value);
    });
    return { entries, seen, knownIncarnations };
  }

  #queue(from: number, to: number): Parcel[] {
    return (this.queues[from] as Parcel[][])[to] as Parcel[];
  }
}

const thread = fc.nat(THREADS - 1);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('put' as const), thread, key: fc.nat(3), value: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('delete' as const), thread, key: fc.nat(3) }) },
  { weight: 8, arbitrary: fc.record({ type: fc.constant('receive' as const), from: thread, to: thread }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('lose' as const), thread: fc.integer({ min: 1, max: THREADS - 1 }) }) },
);

test('in the end every thread sees what every other one says, whatever was lost and in whatever order the news came', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const network = new Threads();
      const said: Map<string, unknown>[] = Array.from({ length: THREADS }, () => new Map<string, unknown>());
      for (const each of steps) {
        if (each.type === 'receive') network.receive(each.from, each.to);
        else if (each.type === 'lose') {
          network.lose(each.thread);
          said[each.thread] = new Map([[`of ${each.thread}.${network.incarnations[each.thread]}`, network.incarnations[each.thread]]]);
        } else if (each.type === 'put') {
          network.entriesOf(each.thread).put('subscriptions', String(each.key), each.value);
          said[each.thread]?.set(String(each.key), each.value);
        } else {
          network.entriesOf(each.thread).delete('subscriptions', String(each.key));
          said[each.thread]?.delete(String(each.key));
        }
      }
      network.drain();
      const expected = said.flatMap((entries, of) => [...entries].map(([key, value]) => [`${of} ${key}`, value] as const)).sort();
      for (const { entries, seen } of network.threads) {
        expect([...seen].sort()).toEqual(expected);
        for (let other = 0; other < THREADS; other++) expect(entries.isComplete(other)).toBe(true);
      }
    }),
    { numRuns: 3000 },
  );
});

test('a thread that is given up has nothing to say, and is not waited for', () => {
  const changes: unknown[] = [];
  let reach = 0;
  const entries = new ReplicatedEntries({
    thread: 0,
    incarnation: 0,
    threadCount: 3,
    incarnationOf: () => 1,
    canReach: (to) => to !== 2,
    send: () => undefined,
    roundTrip: async () => true,
    awaitsSuccessor: () => false,
  });
  entries.listen('subscriptions', ({ key, value }) => changes.push([key, value]));
  entries.listenToReach(() => void reach++);
  entries.received({ thread: 2, incarnation: 0, isFirst: false, isComplete: false, changes: [{ name: 'subscriptions', thread: 2, key: 'a', value: 1 }] });
  entries.threadLost(2, false);
  expect(changes).toEqual([
    ['a', 1],
    ['a', undefined],
  ]);
  expect([entries.isComplete(2), reach]).toEqual([true, 1]);
});

test('what is taken back between two news of losses does not come back with the second', () => {
  const network = new Threads();
  network.entriesOf(1).put('subscriptions', 'a', 1);
  network.drain();
  network.lose(2);
  network.lose(2);
  // Thread 1 learns of the first loss when the second successor is there, which is told what it says.
  network.receive(0, 1);
  network.receive(1, 2);
  expect(network.threads[2]?.seen.get('1 a')).toBe(1);
  network.entriesOf(1).delete('subscriptions', 'a');
  network.receive(0, 1);
  network.drain();
  expect(network.threads[2]?.seen.has('1 a')).toBe(false);
});

test('what is settled is known to every thread, or to the calling thread before it makes the successor of one that is lost', async () => {
  const incarnations = [0, 0, 0];
  let isLost = false;
  let asked: { readonly thread: number; answer(isSeen: boolean): Promise<void> }[] = [];
  const entries = new ReplicatedEntries({
    thread: 1,
    incarnation: 0,
    threadCount: 3,
    incarnationOf: (other) => incarnations[other] as number,
    canReach: () => true,
    send: () => undefined,
    roundTrip: (thread) => {
      return new Promise((resolve) => {
        const answer = async (isSeen: boolean): Promise<void> => {
          resolve(isSeen);
          for (let turn = 0; turn < 10; turn++) await undefined;
        };
        asked.push({ thread, answer });
      });
    },
    awaitsSuccessor: (thread) => thread === 2 && isLost,
  });
  const settling = (): { isSettled: boolean } => {
    asked = [];
    const state = { isSettled: false };
    void entries.settled().then(() => {
      state.isSettled = true;
    });
    return state;
  };
  const answer = (thread: number, isSeen: boolean): Promise<void> => {
    const [one] = asked.splice(
      asked.findIndex((each) => each.thread === thread),
      1,
    );
    return (one as (typeof asked)[number]).answer(isSeen);
  };
  const threads = (): number[] => asked.map(({ thread }) => thread);

  const plain = settling();
  expect(threads()).toEqual([0, 2]);
  await answer(0, true);
  expect(plain.isSettled).toBe(false);
  await answer(2, true);
  expect(plain.isSettled).toBe(true);

  // Its successor is at work before the calling thread has seen the entry: it is waited for too.
  const late = settling();
  await answer(2, true);
  incarnations[2] = 1;
  await answer(0, true);
  expect([late.isSettled, threads()]).toEqual([false, [2]]);
  await answer(2, true);
  expect(late.isSettled).toBe(true);

  // So is one that comes before this thread has heard from its predecessor.
  const lost = settling();
  await answer(0, true);
  incarnations[2] = 2;
  await answer(2, false);
  expect([lost.isSettled, threads()]).toEqual([false, [2]]);
  await answer(2, true);
  expect(lost.isSettled).toBe(true);

  // One that is still to be made is not, once the calling thread knows.
  const made = settling();
  [incarnations[2], isLost] = [3, true];
  await answer(2, false);
  expect([made.isSettled, threads()]).toEqual([false, [0]]);
  await answer(0, true);
  expect(made.isSettled).toBe(true);
});
