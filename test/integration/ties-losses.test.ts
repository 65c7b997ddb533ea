/** Signals for an agent that moves while a thread is lost: the one it moves to, the one it comes from, or a third one, whose agents publish again as soon as they are back. The loss is tried at every step of the move. */
import { defineAgent } from 'nexus-agents';
import { createTestNexus } from 'nexus-agents/testing';
import { expect, test } from 'vitest';

interface Heard {
  readonly by: string;
  readonly from: string;
  readonly number: number;
}

let journal: Heard[] = [];
let lives = new Map<string, number>();

const Mover = defineAgent({
  kind: 'mover',
  state: () => 0,
  subscriptions: { news: 'news' },
  actions: {
    news: (_state: number, { data }: { data: Omit<Heard, 'by'> }, ctx) => void journal.push({ by: ctx.id, ...data }),
  },
});

/** Each of its lives publishes from its beginning. */
const Emitter = defineAgent({
  kind: 'emitter',
  state: () => ({ name: '', number: 0 }),
  onStart(state, ctx) {
    const life = (lives.get(ctx.id) ?? 0) + 1;
    lives.set(ctx.id, life);
    state.name = `${ctx.id}, life ${life}`;
    for (let count = 0; count < 3; count++) ctx.emit('news', { from: state.name, number: state.number++ });
  },
  actions: {
    emit: (state, _input: undefined, ctx) => ctx.emit('news', { from: state.name, number: state.number++ }),
  },
});

const STEPS = 60;

/** Moves an agent from thread 1 to thread 3 in one step, and loses a thread in another. @returns what it and an agent of thread 0 that stays heard */
async function run(seed: number, lost: number, lostAt: number, movesAt = 0): Promise<{ readonly mover: Heard[]; readonly stays: Heard[] }> {
  [journal, lives] = [[], new Map()];
  const nexus = await createTestNexus({ agents: [Mover, Emitter], seed, workers: { restart: { intensity: 1000 } } });
  try {
    const mover = await nexus.spawn(Mover, { id: 'mover', thread: 1 });
    await nexus.spawn(Mover, { id: 'stays', thread: 0 });
    await nexus.settle(nexus.subscribed());
    const emitters = await Promise.all([0, 1, 2, 3].map((thread) => nexus.spawn(Emitter, { id: `emitter ${thread}`, thread })));
    let moved: Promise<unknown> | undefined;
    for (let step = 0; step < STEPS; step++) {
      if (step === lostAt) nexus.killThread(lost);
      if (step === movesAt) moved = nexus.migrate(mover, 3).catch(() => undefined);
      for (const emitter of emitters) emitter.tell('emit');
      await nexus.step();
    }
    await nexus.settle(moved as Promise<unknown>);
    await nexus.advance(1000);
    for (const emitter of emitters) emitter.tell('emit');
    await nexus.run();
    return { mover: journal.filter(({ by }) => by === 'mover'), stays: journal.filter(({ by }) => by === 'stays') };
  } finally {
    await nexus.stop({ deadlineMs: 5000 });
  }
}

function byEmitter(heard: readonly Heard[]): Record<string, number[]> {
  const numbers: Record<string, number[]> = {};
  for (const { from, number } of heard) (numbers[from] ??= []).push(number);
  return numbers;
}

test.each([
  ['the thread that it moves to', 3],
  ['the thread that it comes from', 1],
] as const)('%s is lost while a subscriber moves: no signal reaches it twice or out of order, and the last ones do reach it', async (_what, lost) => {
  for (let seed = 1; seed <= 4; seed++) {
    for (let after = 0; after < 40; after++) {
      const { mover, stays } = await run(seed * 100 + after, lost, after);
      const [heard, sent] = [byEmitter(mover), byEmitter(stays)];
      for (const [from, numbers] of Object.entries(heard)) {
        const about = { seed, after, from };
        expect({ ...about, numbers }).toEqual({ ...about, numbers: [...new Set(numbers)].sort((a, b) => a - b) });
      }
      for (const thread of [0, 1, 2, 3]) {
        const from = `emitter ${thread}, life ${lives.get(`emitter ${thread}`)}`;
        expect({ seed, after, from, last: heard[from]?.at(-1) }).toEqual({ seed, after, from, last: sent[from]?.at(-1) });
      }
    }
  }
});

test('a third thread is lost while a subscriber moves, and its agents publish when they are back: every signal reaches it once and in order', async () => {
  for (let seed = 1; seed <= 6; seed++) {
    for (let after = -20; after < 40; after++) {
      const { mover, stays } = await run(seed * 100 + after, 2, Math.max(0, after), Math.max(0, -after));
      expect({ seed, after, heard: byEmitter(mover) }).toEqual({ seed, after, heard: byEmitter(stays) });
      expect(lives.get('emitter 2')).toBe(2);
    }
  }
});
