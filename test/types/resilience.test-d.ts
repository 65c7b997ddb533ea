/** What the compiler knows of policies. Checked by `tsc -p test/tsconfig.json`, never run. */
import { type AgentRef, defineAgent, shape } from 'nexus-agents';
import {
  type Bulkhead,
  bulkhead,
  type CircuitBreaker,
  type CircuitState,
  circuitBreaker,
  deadlineIn,
  fallback,
  type Policy,
  type PolicyContext,
  retry,
  timeout,
  wrap,
} from 'nexus-agents/resilience';

type Equals<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_equal: Equals<A, B>): void {}

const Stock = defineAgent({
  kind: 'stock',
  state: () => ({ count: 0 }),
  actions: {
    take: (state, count: number) => (state.count -= count),
    name: async () => 'stock',
    clear: (state): void => {
      state.count = 0;
    },
    declared: { input: shape.object({ sku: shape.string }), reply: shape.uint32, handler: () => 1 },
  },
});
declare const stock: AgentRef<typeof Stock>;
declare const anybody: AgentRef;

export async function asks(): Promise<void> {
  const breaker = circuitBreaker();
  const taken = await breaker.ask(stock, 'take', 5);
  same<typeof taken, number>(true);
  const name = await retry().ask(stock, 'name');
  same<typeof name, string>(true);
  const nothing = await bulkhead().ask(stock, 'clear', undefined, { timeoutMs: 5, deadline: deadlineIn(5) });
  same<typeof nothing, void>(true);
  const declared = await wrap(retry(), timeout({ ms: 5 })).ask(stock, 'declared', { sku: 'a' });
  same<typeof declared, number>(true);
  const orNothing = await fallback(null).ask(stock, 'name');
  same<typeof orNothing, string | null>(true);
  await breaker.ask(anybody, 'whatever', { of: 'any kind' });
  // @ts-expect-error no such action
  await breaker.ask(stock, 'tak', 5);
  // @ts-expect-error a count is a number
  await breaker.ask(stock, 'take', '5');
  // @ts-expect-error the count is missing
  await breaker.ask(stock, 'take');
  // @ts-expect-error the sku is missing
  await breaker.ask(stock, 'declared', {});
  // @ts-expect-error the option is timeoutMs
  await breaker.ask(stock, 'take', 5, { timeout: 5 });
  // @ts-expect-error the answer may be null
  const always: string = await fallback(null).ask(stock, 'name');
  void always;
}

export async function functions(): Promise<void> {
  const value = await circuitBreaker().execute(async ({ signal, remainingMs, attempt }: PolicyContext) => {
    same<typeof signal, AbortSignal | undefined>(true);
    same<typeof remainingMs, number>(true);
    same<typeof attempt, number>(true);
    return 'text';
  });
  same<typeof value, string>(true);
  const plain = await retry().execute(() => 5);
  same<typeof plain, number>(true);
  // The context of one call is the options of another.
  const nested = await timeout({ ms: 5 }).execute((context) => retry().execute(() => true, context));
  same<typeof nested, boolean>(true);
  // An ask of a handler's context, with what is left of the time.
  await timeout({ ms: 5 }).execute((context) => stock.ask('take', 5, context.askOptions));
}

export async function fallbacks(): Promise<void> {
  const computed = await fallback((error: unknown) => ({ error })).execute(() => 5);
  same<typeof computed, number | { error: unknown }>(true);
  const awaited = await fallback(async () => 'later').execute(() => 5);
  same<typeof awaited, number | string>(true);
  const wrapped = await wrap(fallback(null), retry(), fallback('text')).execute(() => 5);
  same<typeof wrapped, number | string | null>(true);
  const deeper = await wrap(timeout({ ms: 5 }), wrap(fallback(null))).execute(() => 5);
  same<typeof deeper, number | null>(true);
  const without = await wrap(timeout({ ms: 5 }), retry()).execute(() => 5);
  same<typeof without, number>(true);
  const named: Policy = wrap(retry(), circuitBreaker());
  void named;
  // @ts-expect-error it may answer null
  const unnamed: Policy = wrap(fallback(null));
  void unnamed;
}

export function observing(breaker: CircuitBreaker, slots: Bulkhead): void {
  const leave = breaker.on((event) => {
    if (event.type === 'stateChanged') same<typeof event.to, CircuitState['type']>(true);
    // @ts-expect-error a refusal has no state
    else void event.to;
  });
  same<typeof leave, () => void>(true);
  const { state } = breaker;
  if (state.type === 'open') same<typeof state.untilMs, number>(true);
  // @ts-expect-error a closed circuit has no time
  if (state.type === 'closed') void state.untilMs;
  same<typeof slots.state.running, number>(true);
}

export function options(): void {
  // @ts-expect-error the limit is missing
  timeout({});
  // @ts-expect-error no such option
  circuitBreaker({ threshold: 5 });
  // @ts-expect-error the rate is missing
  circuitBreaker({ failures: { windowMs: 5 } });
  // @ts-expect-error no such jitter
  retry({ backoff: { jitter: 'some' } });
  // @ts-expect-error wraps at least one
  wrap();
  // @ts-expect-error not a policy
  wrap(retry, timeout({ ms: 5 }));
}
