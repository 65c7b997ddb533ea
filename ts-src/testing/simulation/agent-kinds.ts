/**
 * The kinds of agents in the clusters of the built-in simulation of agents: each tells a ledger what it does, and what its state says about its life. Who uses them is `agent-workload.ts`; nothing here judges.
 */
import type { AgentContext } from '../../model/agent-context.js';
import { defineAgent } from '../../model/agent-definition.js';
import type { AgentRef } from '../../model/agent-ref.js';
import type { RegisterInput } from '../linearizability/sequential-model.js';
import type { AgentLedger } from './agent-ledger.js';

export const ASK_TIMEOUT_MS = 4000;
/** Of non-durable agents that others tell things in order. */
export const GROUP = 'counters';
/** A counter ticks so often, wherever it is. */
export const TICK_MS = 2000;
/** A brief agent ends by itself after so long, at the latest. */
const BRIEF_MS = 700;

interface Numbered {
  readonly from: string;
  readonly number: number;
  /** Which stream it is of. */
  readonly stream?: number;
}

/** Messages of one sender by one reference, one after the other and some time apart: what an agent is sent while it moves. */
export interface Stream {
  readonly to: AgentRef;
  /** Which one of all. */
  readonly stream: number;
  readonly everyMs: number;
  readonly left: number;
}

export type Kinds = ReturnType<typeof kindsOf>;

/** Their handlers run in the process that simulates, whichever node they are on. */
export function kindsOf(ledger: AgentLedger) {
  let lives = 0;
  let watches = 0;
  const numbered = (ctx: AgentContext, { from, number, stream }: Numbered): void => ledger.numbered(ctx.id, from, number, stream);
  const Register = defineAgent({
    kind: 'register',
    state: (): { value: unknown } => ({ value: null }),
    durable: { writes: 'through', passivateAfterMs: 5000 },
    actions: {
      operate(state, { number, input }: { number: number; input: RegisterInput }) {
        ledger.handled(number);
        if (input.f === 'write') state.value = input.value;
        if (input.f !== 'cas') return state.value;
        const isExpected = state.value === input.value[0];
        if (isExpected) state.value = input.value[1];
        return isExpected;
      },
    },
  });
  const Behind = defineAgent({
    kind: 'behind',
    state: () => ({ count: 0 }),
    durable: { writes: 'behind' },
    actions: {
      add(state, number: number) {
        ledger.handled(number);
        return ++state.count;
      },
      inOrder: (_state, input: Numbered, ctx) => numbered(ctx, input),
    },
  });
  const Counter = defineAgent({
    kind: 'counter',
    // Whoever starts again is another one: it may hear what the one before it has heard.
    state: () => ({ count: 0, life: ++lives }),
    groups: [GROUP],
    subscriptions: { 'news.*': 'news' },
    onStart(_state, ctx) {
      ctx.timers.every(TICK_MS, 'tick');
    },
    actions: {
      add(state, number: number, ctx) {
        ledger.handled(number);
        ledger.counted(ctx.id, state.life, ++state.count);
        return state.count;
      },
      inOrder(state, input: Numbered, ctx) {
        ledger.lived(ctx.id, state.life);
        numbered(ctx, input);
      },
      tick: ({ life }, _input: undefined, ctx) => ledger.ticked(ctx.id, life),
      news: ({ life }, { data }: { data: unknown }, ctx) => ledger.heard('signal handled', ctx.id, life, data as number),
      broadcast: ({ life }, number: number, ctx) => ledger.heard('broadcast handled', ctx.id, life, number),
    },
  });
  /** Is started on any node, and ends soon: what is known of where it is is often wrong. */
  const Brief = defineAgent({
    kind: 'brief',
    state: () => ({ count: 0, life: ++lives }),
    onStart(_state, ctx) {
      ctx.timers.after(BRIEF_MS, 'end');
    },
    actions: {
      add(state, number: number, ctx) {
        ledger.handled(number);
        ledger.counted(ctx.id, state.life, ++state.count);
        return state.count;
      },
      end: (_state, _input: undefined, ctx) => ctx.stop(),
    },
  });
  /** Numbers what it tells, and asks through another agent. */
  const Sender = defineAgent({
    kind: 'sender',
    state: () => ({ life: ++lives, numbers: {} as Record<string, number> }),
    // What it sends is in order as far as it sends it from one node.
    actions: {
      burst(state, { to, count }: { to: AgentRef; count: number }, ctx) {
        for (let index = 0; index < count; index++) {
          const number = (state.numbers[to.id] ?? 0) + 1;
          state.numbers[to.id] = number;
          ctx.tell(to as AgentRef<typeof Counter>, 'inOrder', { from: `${ctx.id}#${state.life} on ${ledger.host}`, number });
        }
      },
      stream({ life }, { to, stream, everyMs, left }: Stream, ctx) {
        // Numbered by themselves: two references of a worker may lead two ways.
        const from = `stream ${stream} of ${ctx.id}#${life} on ${ledger.host}`;
        ctx.tell(to as AgentRef<typeof Counter>, 'inOrder', { from, number: ledger.streamed(stream), stream });
        if (left > 1) ctx.timers.after(everyMs, 'stream', { to, stream, everyMs, left: left - 1 });
      },
      async askOn(_state, { to, number }: { to: AgentRef; number: number }, ctx) {
        return ctx.ask(to as AgentRef<typeof Counter>, 'add', number, { timeoutMs: ASK_TIMEOUT_MS / 2 });
      },
    },
  });
  const Watcher = defineAgent({
    kind: 'watcher',
    state: () => ({ watched: {} as Record<string, string> }),
    actions: {
      watch(state, target: AgentRef, ctx) {
        // One at a time of each: two watches of one agent are one.
        if (state.watched[target.id] === undefined) {
          state.watched[target.id] = `watch ${++watches} of '${target.id}' by '${ctx.id}'`;
          ctx.watch(target);
        }
        return state.watched[target.id];
      },
    },
    onTerminated(state, { id, reason }) {
      const watch = state.watched[id];
      if (watch === undefined) return;
      delete state.watched[id];
      ledger.told(watch, reason.type === 'nodeLost');
    },
  });
  return { Register, Behind, Counter, Brief, Sender, Watcher };
}
