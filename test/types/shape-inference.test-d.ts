/** Types only, checked by `npx tsc -p test/tsconfig.json --noEmit`: what shapes infer, and inference inside a `defineAgent` with declared actions. */
import type { AgentContext } from '../../ts-src/model/agent-context.js';
import type { AgentRef } from '../../ts-src/model/agent-ref.js';
import { type Infer, type Shape, shape } from '../../ts-src/model/shape.js';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(..._: Same<A, B> extends true ? [] : [expected: B, actual: A]): void {}

// biome-ignore lint/suspicious/noExplicitAny: the input of an undeclared handler is what it says
type Handler<S> = (state: S, input: any, ctx: AgentContext) => unknown;
interface ActionWithOptions<S> { readonly handler: Handler<S>; readonly concurrent?: boolean; readonly input?: undefined; readonly reply?: undefined }

interface Declared<S, In, Re> {
  readonly input: In;
  readonly reply?: Re;
  readonly concurrent?: boolean;
  readonly handler: (state: S, input: Infer<In>, ctx: AgentContext) => Infer<Re> | Promise<Infer<Re>>;
}
type Ac<S, In, Re> = Handler<S> | ActionWithOptions<S> | Declared<S, In, Re>;

declare function defineAgent<const K extends string, S, I, A, In extends Record<keyof A, Shape>, Re extends Record<keyof A, Shape>>(spec: {
  kind: K;
  state: (init: I) => S;
  actions: A & { [N in keyof In]: Ac<S, In[N], unknown> } & { [N in keyof Re]: Ac<S, unknown, Re[N]> };
}): { kind: K; actions: A; In: In; Re: Re };

const c = defineAgent({
  kind: 'counter',
  state: (init: { n: number }) => ({ n: init.n }),
  actions: {
    plain: (state, by: string) => by + state.n,
    opt: { handler: async (state, by: number) => state.n + by, concurrent: true },
    add: { input: shape.int32, reply: shape.int32, handler: (state, by) => (state.n += by) },
  },
});
const x: 1 = c;
same<Infer<typeof shape.int32>, number>();
export type { AgentRef };
