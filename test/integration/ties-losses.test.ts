/** Signals for an agent that moves while a thread is lost: the one it moves to, the one it comes from, or a third one, whose agents publish again as soon as they are back. The loss is tried at every step of the move. */
import { type AgentRef, defineAgent } from 'nexus-agents';
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
    told: (_state: number, data: Omit<Heard, 'by'>, ctx) => void journal.push({ by: ctx.id, ...data }),
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
    idle: () => undefined,
    emit(state, movers: readonly AgentRef<typeof Mover>[], ctx) {
      ctx.emit('news', { from: state.name, number: state.number++ });
      const number = state.number++;
      for (const mover of movers) ctx.tell(mover, 'told', { from: state.name, number });
    },
  },
});

const STEPS = 80;
/** Messages in each step. */
const BACKLOG = 100;

/**
 * Moves an agent from thread 1 to thread 3 in one step, and loses a thread in another.
 * @param returnsAfter so many steps after the loss, which then is as many after the agent has changed its thread, it moves back
 * @returns what it and an agent of thread 0 that stays heard
 */
async function run(
  seed: number,
  lost: number,
  lostAt: number,
  movesAt = 0,
  returnsAfter?: number,
): Promise<{ readonly mover: Heard[]; readonly stays: Heard[] }> {
  [journal, lives] = [[], new Map()];
  const nexus = await createTestNexus({ agents: [Mover, Emitter], seed, workers: { restart: { intensity: 1000 } } });
  try {
    const mover = await nexus.spawn(Mover, { id: 'mover', thread: 1 });
    const movers = [mover, await nexus.spawn(Mover, { id: 'stays', thread: 0 })];
    await nexus.settle(nexus.subscribed());
    const emitters = await Promise.all([0, 1, 2, 3].map((thread) => nexus.spawn(Emitter, { id: `emitter ${thread}`, thread })));
    const moves: Promise<unknown>[] = [];
    let isLostAt = returnsAfter === undefined ? lostAt : Number.POSITIVE_INFINITY;
    for (let step = 0; step < STEPS; step++) {
      if (isLostAt === Number.POSITIVE_INFINITY && nexus.summary('mover')?.thread === 3) isLostAt = step + lostAt;
      if (step === isLostAt) nexus.killThread(lost);
      if (step === movesAt) moves.push(nexus.migrate(mover, 3).catch(() => undefined));
      if (returnsAfter !== undefined && step === isLostAt + returnsAfter) moves.push(nexus.migrate(mover, 1).catch(() => undefined));
      for (const emitter of emitters) emitter.tell('emit', movers);
      // So much that the old thread takes long to read what the calling thread has sent there.
      if (returnsAfter !== undefined && step < isLostAt) for (let count = 0; count < BACKLOG; count++) emitters[1]?.tell('idle');
      await nexus.step();
    }
    await nexus.settle(Promise.all(moves));
    await nexus.advance(1000);
    for (const emitter of emitters) emitter.tell('emit', movers);
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

/** None twice or out of order, and of the last life of each emitter the last. */
function check(about: object, { mover, stays }: Awaited<ReturnType<typeof run>>): void {
  const [heard, sent] = [byEmitter(mover), byEmitter(stays)];
  for (const [from, numbers] of Object.entries(heard)) {
    expect({ ...about, from, numbers }).toEqual({ ...about, from, numbers: [...new Set(numbers)].sort((one, other) => one - other) });
  }
  for (const thread of [0, 1, 2, 3]) {
    const from = `emitter ${thread}, life ${lives.get(`emitter ${thread}`)}`;
    expect({ ...about, from, last: heard[from]?.slice(-2) }).toEqual({ ...about, from, last: sent[from]?.slice(-2) });
  }
}

test.each([
  ['the thread that it moves to', 3],
  ['the thread that it comes from', 1],
] as const)('%s is lost while a subscriber moves: no signal reaches it twice or out of order, and the last ones do reach it', async (_what, lost) => {
  for (let seed = 1; seed <= 4; seed++) {
    for (let after = 0; after < 40; after++) check({ seed, after }, await run(seed * 100 + after, lost, after));
  }
});

test('an agent whose new thread was lost while it moved returns to the old one at once: nothing that was sent to it there before comes after what it has handled meanwhile', async () => {
  for (let seed = 1; seed <= 4; seed++) {
    for (let after = 0; after < 5; after++) {
      for (let back = 5; back <= 50; back += 5) check({ seed, after, back }, await run(seed * 1000 + after * 60 + back, 3, after, 0, back));
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
