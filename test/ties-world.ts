/** Kinds and a test nexus for the tests of what holds where two parts of the agent model meet. */
import { type AgentRef, defineAgent, defineSkill, defineSupervisor } from 'nexus-agents';
import { createTestNexus, type MemoryStorage, memoryStorage, type TestNexus } from 'nexus-agents/testing';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import { Crew, Guest, Kept, Tied, worlds } from './fixtures/tied.mjs';

export type Ref = AgentRef<typeof Tied>;
export interface Handled {
  readonly to: string;
  readonly from: string;
  readonly number: unknown;
  readonly what: string;
  readonly thread: number;
}
export interface World {
  readonly nexus: TestNexus;
  readonly key: string;
  readonly journal: Handled[];
  readonly gates: Map<string, (value: unknown) => void>;
  readonly storage: MemoryStorage;
}

/** What an agent of its kind keeps for good, an error that ends it, and a child that is stored. */
export const End = defineAgent({
  kind: 'end',
  state: () => 0,
  actions: {
    link: (_state: number, ref: AgentRef, ctx) => ctx.link(ref),
    linkLater: async (_state: number, ref: AgentRef, ctx) => {
      ctx.link(ref);
      await undefined;
    },
    unlink: (_state: number, ref: AgentRef, ctx) => ctx.unlink(ref),
    where: (_state: number, _input: undefined, ctx) => ctx.thread,
    fail: () => {
      throw new Error('boom');
    },
  },
  supervision: { onFailure: 'stop' },
});

export const Notes = defineSkill({
  name: 'notes',
  state: () => ({ texts: [] as string[] }),
  actions: { write: (slice, text: string) => slice.texts.push(text), read: (slice) => slice.texts },
});

/** Durable, in every style an action can be written in. */
export const Ledger = defineAgent({
  kind: 'ledger',
  state: () => ({ total: 0 }),
  durable: { writes: 'through', schemaVersion: 1 },
  skills: [Notes],
  queries: { total: ({ total }) => total },
  updates: {
    deposit: {
      input: z.number().positive('must be positive'),
      handler: (state: { total: number }, amount: number) => ({ total: state.total + amount }),
    },
  },
  actions: {
    draw: { decide: (state: { total: number }, amount: number) => ({ state: { total: state.total - amount } }) },
    remind: async (_state: { total: number }, afterMs: number, ctx) => ctx.reminders.after('later', afterMs, 'draw', 5),
    forget: (_state: { total: number }, _input: undefined, ctx) => ctx.forget(),
    stopSelf: (_state: { total: number }, _input: undefined, ctx) => ctx.stop(),
    where: (_state: { total: number }, _input: undefined, ctx) => ctx.thread,
    fail: () => {
      throw new Error('boom');
    },
  },
  supervision: { intensity: 1000, backoff: { initialMs: 0, jitter: 0 } },
});

export const Bank = defineSupervisor({
  kind: 'bank',
  strategy: 'restForOne',
  children: (ids: readonly string[]) => ids.map((id) => ({ agent: Ledger, id, thread: 1 + (id.length % 2) })),
  intensity: 1000,
  backoff: { initialMs: 20, maxMs: 20, jitter: 0 },
});

/** Takes sixteen messages; more are refused. */
export const Narrow = defineAgent({
  kind: 'narrow',
  state: () => ({ handled: 0 }),
  mailbox: { capacity: 16, overflow: 'reject' },
  actions: {
    hold: () =>
      new Promise<void>((resolve) => {
        opens.push(resolve);
      }),
    put: (state) => void state.handled++,
    handled: (state) => state.handled,
  },
});
export const opens: (() => void)[] = [];

export async function world(seed = 1): Promise<World> {
  const storage = memoryStorage();
  const nexus = await createTestNexus({
    agents: [Tied, Kept, Guest, Crew, End, Ledger, Bank, Narrow, Restarting],
    storage,
    seed,
    workers: { restart: { intensity: 1000 } },
  });
  const key = `ties ${worlds.size}`;
  const journal: Handled[] = [];
  const gates = new Map<string, (value: unknown) => void>();
  worlds.set(key, { journal, lives: new Map(), wrong: [], gates });
  onTestFinished(async () => {
    await nexus.stop({ deadlineMs: 5000 });
  });
  return { nexus, key, journal, gates, storage };
}

export const where = (nexus: TestNexus, ref: AgentRef): Promise<number> => nexus.settle((ref as Ref).ask('where')) as Promise<number>;
/** Lets some of it happen, the rest later. */
export async function steps(nexus: TestNexus, count: number): Promise<void> {
  for (let index = 0; index < count; index++) await nexus.step();
}

export const lives = new Map<string, number>();
export const Restarting = defineAgent({
  kind: 'restarting',
  state: () => 0,
  onStart: (_state, ctx) => void lives.set(ctx.id, (lives.get(ctx.id) ?? 0) + 1),
  actions: {
    linkLater: async (_state: number, ref: AgentRef, ctx) => {
      ctx.link(ref);
      await undefined;
    },
    starts: (_state: number, _input: undefined, ctx) => lives.get(ctx.id),
  },
  supervision: { intensity: 10, backoff: { initialMs: 10, jitter: 0 } },
});
