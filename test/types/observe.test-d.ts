/** What the compiler knows of operations and metered breakers. Checked by `tsc -p test/tsconfig.json`, never run. */
import { type BreakerStatistics, defineAgent, type Nexus, type OPERATION_BOUNDS_NS, type OperationStatistics } from 'nexus-agents';
import { type CircuitBreaker, type Retry, wrap } from 'nexus-agents/resilience';

type Equals<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_equal: Equals<A, B>): void {}

declare const nexus: Nexus;
declare const breaker: CircuitBreaker;
declare const retries: Retry;

export function observed(): void {
  const value = nexus.observe('a', () => 5);
  same<typeof value, number>(true);
  const promise = nexus.observe('a', async () => 'text');
  same<typeof promise, Promise<string>>(true);
  const thenable = nexus.observe('a', (): PromiseLike<number> => Promise.resolve(1));
  same<typeof thenable, Promise<number>>(true);
  const id = nexus.observe('a', ({ correlationId }) => correlationId, { slaMs: 5, attributes: { order: 'o', count: 1, isNew: true } });
  same<typeof id, string>(true);
  // @ts-expect-error not an option
  nexus.observe('a', () => 5, { sla: 5 });
  // @ts-expect-error attributes are plain
  nexus.observe('a', () => 5, { attributes: { order: {} } });
  // @ts-expect-error a name is a text
  nexus.observe(5, () => 5);
}

export function metered(): void {
  const end = nexus.meter(breaker, 'bank');
  same<typeof end, () => void>(true);
  // @ts-expect-error only breakers have metrics of their own
  nexus.meter(retries, 'bank');
  // @ts-expect-error nor what is made of several
  nexus.meter(wrap(retries, breaker), 'bank');
  same<ReturnType<typeof nexus.operations>, OperationStatistics[]>(true);
  same<ReturnType<typeof nexus.breakers>, BreakerStatistics[]>(true);
  same<typeof OPERATION_BOUNDS_NS, readonly number[]>(true);
}

export const Inside = defineAgent({
  kind: 'inside',
  state: () => ({}),
  actions: {
    sync: (_state, input: number, ctx) => ctx.observe('a', () => input),
    async: (_state, _input: undefined, ctx) => ctx.observe('a', async () => 'text'),
    meter: (_state, _input: undefined, ctx) => void ctx.meter(breaker, 'bank'),
  },
});
same<ReturnType<typeof Inside.actions.sync>, number>(true);
same<ReturnType<typeof Inside.actions.async>, Promise<string>>(true);
