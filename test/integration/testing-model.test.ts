/** Random agents, messages, failures and kills of threads under many seeds, against a plain model: order, at most once, and every ask settles. */
import type { AgentRef } from 'nexus-agents';
import { type TestNexus, withSeeds } from 'nexus-agents/testing';
import { expect, test } from 'vitest';
import { SeededRandom } from '../../dist/ts-src/model/seeded-random.js';
import { journals, Member } from '../fixtures/members.mjs';

type MemberRef = AgentRef<typeof Member>;
interface Entry {
  readonly to: string;
  readonly from: string;
  readonly number: number;
}

const SEEDS = 1000;
const COMMANDS = 24;
const KNOWN_ENDS = ['NEXUS_THREAD_LOST', 'boom', 'NEXUS_ASK_TIMEOUT'];

/** What a message is to the model: a number in a list, for each pair of sender and receiver. */
class Model {
  readonly #sent = new Map<string, number[]>();

  send({ to, from, number }: Entry): void {
    const pair = `${from} → ${to}`;
    this.#sent.set(pair, [...(this.#sent.get(pair) ?? []), number]);
  }

  /** The journal must be, pair by pair, what was sent: all of it where nothing was lost, else part of it, in its order. */
  check(journal: readonly Entry[], nothingLost: boolean): void {
    const received = new Map<string, number[]>();
    for (const { to, from, number } of journal) {
      const pair = `${from} → ${to}`;
      received.set(pair, [...(received.get(pair) ?? []), number]);
    }
    for (const [pair, numbers] of received) {
      const sent = this.#sent.get(pair) ?? [];
      if (nothingLost) expect({ pair, numbers }).toEqual({ pair, numbers: sent });
      let at = -1;
      for (const number of numbers) {
        const next = sent.indexOf(number, at + 1);
        expect({ pair, numbers, sent, number, inOrderAndOnce: next > at }).toMatchObject({ inOrderAndOnce: true });
        at = next;
      }
    }
    if (nothingLost) expect([...received.keys()].sort()).toEqual([...this.#sent.keys()].sort());
  }
}

async function runOne(nexus: TestNexus): Promise<void> {
  const random = new SeededRandom(nexus.seed, 'commands');
  const below = (limit: number): number => Math.floor(random.next() * limit);
  const withKills = below(2) === 0;
  const journal: Entry[] = [];
  const key = `${nexus.seed}`;
  journals.set(key, journal);
  const model = new Model();
  const members: MemberRef[] = [];
  for (let index = 0; index < 4; index++) members.push(await nexus.spawn(Member, { id: `m${index}`, init: key, thread: below(4) }));
  const one = (): MemberRef => members[below(members.length)] as MemberRef;
  const asked: Promise<unknown>[] = [];
  let kills = 0;
  /** The reply to this very ask, and not to another that had its place. */
  const is = (sent: number) => (reply: unknown) => expect(reply).toBe(sent);
  let number = 0;
  const settled = (promise: Promise<unknown>): void => {
    const checked = promise.catch((error: { code?: string; message: string }) => expect(KNOWN_ENDS).toContain(error.code ?? error.message));
    asked.push(checked);
    checked.catch(() => undefined);
  };
  for (let count = 0; count < COMMANDS; count++) {
    const [member, other] = [one(), one()];
    const choice = below(100);
    number++;
    const entry = { to: member.id, from: 'test', number };
    if (choice < 30) {
      if (member.tell('put', entry) === 'accepted') model.send(entry);
    } else if (choice < 45) {
      model.send(entry);
      settled(member.ask('put', entry, { timeoutMs: 86_000_000 }).then(is(entry.number)));
    } else if (choice < 55 && member !== other) {
      model.send(entry);
      settled(member.ask('putSlowly', { ...entry, viaRef: other }, { timeoutMs: 86_000_000 }).then(is(entry.number)));
    } else if (choice < 68) {
      const numbers = [number, ++number, ++number];
      // What a relay sends it sends when its own message is handled, which the failures of others do not keep it from.
      for (const each of numbers) model.send({ to: other.id, from: member.id, number: each });
      member.tell('relay', { ref: other, numbers });
    } else if (choice < 75) settled(member.ask('fail', undefined, { timeoutMs: 86_000_000 }));
    else if (choice < 84) {
      // One that waits for a restart answers too late, when another ask may have taken the place of this one.
      settled(member.ask('echo', number, { timeoutMs: 1 + below(20) }).then(is(number)));
    } else if (choice < 88 && withKills) {
      kills++;
      nexus.killThread(1 + below(3));
    } else if (choice < 91) await nexus.step();
    else await nexus.advance(below(60));
  }
  await nexus.settle(Promise.all(asked));
  await nexus.advance(100_000);
  model.check(journal, kills === 0);
  // Whoever was lost is back, with its reference.
  for (const member of members) expect(await nexus.settle(member.ask('echo', member.id))).toBe(member.id);
  for (const member of members) await nexus.settle(member.stop());
  expect(nexus.leftovers()).toEqual({ agents: [], timers: 0, asks: 0, handlers: 0 });
  journals.delete(key);
}

test('under a thousand seeds messages keep their order, none is handled twice, and every ask settles', { timeout: 120_000 }, async () => {
  await withSeeds(SEEDS, { agents: [Member], nothingLeft: true, workers: { restart: { intensity: 1_000_000 } } }, runOne);
});
