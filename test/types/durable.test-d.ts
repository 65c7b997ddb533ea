/** What the types of a durable kind follow from: the state is inferred as ever, and `durable` takes its types from it. Compiled, not run. */
import { type AgentRef, defineAgent } from 'nexus-agents';
import { expectTypeOf } from 'vitest';

const Ledger = defineAgent({
  kind: 'ledger',
  state: (init: { owner: string }) => ({ owner: init.owner, sum: 0 }),
  durable: {
    writes: 'through',
    schemaVersion: 2,
    upgrade: (state: { total: number }, fromVersion) => ({ owner: `from ${fromVersion.toFixed()}`, sum: state.total }),
    apply(ledger, event: { amount: number }) {
      expectTypeOf(ledger).toEqualTypeOf<{ owner: string; sum: number }>();
      ledger.sum += event.amount;
    },
  },
  actions: {
    enter(ledger, amounts: number[], ctx) {
      for (const amount of amounts) ctx.record({ amount });
      return ledger.sum;
    },
    read: { durable: 'none', handler: (ledger) => ledger.owner },
  },
});

export function types(ledger: AgentRef<typeof Ledger>): void {
  expectTypeOf(ledger.ask('enter', [1])).toEqualTypeOf<Promise<number>>();
  expectTypeOf(ledger.ask('read')).toEqualTypeOf<Promise<string>>();
  // @ts-expect-error: an upgrade makes the state of this version
  defineAgent({ kind: 'k', state: () => ({ sum: 0 }), durable: { upgrade: () => ({ total: 0 }) }, actions: {} });
  // @ts-expect-error: not a way to write
  defineAgent({ kind: 'k', state: () => ({}), durable: { writes: 'never' }, actions: {} });
}
