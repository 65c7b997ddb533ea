/** What TypeScript says about topics, signals and sensors. Checked by the compiler, never run. */
import {
  type AgentContext,
  createNexus,
  type DataOf,
  defineAgent,
  defineSensor,
  defineTopic,
  type InitOf,
  shape,
  type Signal,
  type SignalOf,
} from 'nexus-agents';
import { fileSensor } from 'nexus-agents/sensors';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(is: Same<A, B>): boolean => is;

interface Order {
  readonly id: string;
  readonly total: number;
}
const Created = defineTopic<Order>('orders.created');
const Measured = defineTopic('measured', shape.object({ celsius: shape.float64 }));
const Ticked = defineTopic<undefined>('ticked');
const Anything = defineTopic('anything');

export function topics(ctx: AgentContext): void {
  same<DataOf<typeof Created>, Order>(true);
  same<DataOf<typeof Measured>, { celsius: number }>(true);
  same<SignalOf<typeof Created>, Signal<Order>>(true);
  ctx.emit('any.topic');
  ctx.emit('any.topic', { x: 1 });
  ctx.emit(Created, { id: 'a', total: 5 });
  ctx.emit(Ticked);
  ctx.emit(Anything, 5);
  // @ts-expect-error the total is missing
  ctx.emit(Created, { id: 'a' });
  // @ts-expect-error the data are missing
  ctx.emit(Created);
  // @ts-expect-error not what the shape declares
  ctx.emit(Measured, { celsius: 'warm' });
  ctx.subscribe(Created, 'onOrder');
  ctx.subscribe('orders.*', 'onOrder');
}

export const Revenue = defineAgent({
  kind: 'revenue',
  state: () => ({ total: 0 }),
  subscriptions: { 'orders.created': 'onOrder' },
  actions: {
    onOrder: (state, { data, source, epochMs }: SignalOf<typeof Created>) => {
      state.total += data.total + epochMs;
      return source?.id;
    },
  },
});

export async function theNexus(): Promise<void> {
  const nexus = await createNexus({ agents: [Revenue] });
  const leave = nexus.subscribe(Created, ({ data }) => same<typeof data, Order>(true));
  same<typeof leave, () => void>(true);
  nexus.subscribe('orders.>', ({ data, source }) => {
    same<typeof data, unknown>(true);
    // @ts-expect-error nobody, perhaps
    return source.id;
  });
  nexus.publish(Created, { id: 'a', total: 1 }, { id: 'x', attributes: { subject: 'a' } });
  // @ts-expect-error the total is missing
  nexus.publish(Created, { id: 'a' });
  // @ts-expect-error there is no such option
  nexus.publish('a', 1, { subject: 'a' });
}

export const Tank = defineSensor({
  kind: 'tank',
  state: (init: { readonly level: number }) => ({ level: init.level }),
  periodMs: ({ level }) => level,
  sense: (state, ctx) => [{ topic: Measured, data: { celsius: state.level + ctx.thread } }],
});
// @ts-expect-error neither signals nor nothing
export const Wrong = defineSensor({ kind: 'wrong', periodMs: 5, sense: () => 5 });

export async function sensors(): Promise<void> {
  const nexus = await createNexus({ agents: [Tank] });
  same<InitOf<typeof Tank>, { readonly level: number }>(true);
  const tank = await nexus.spawn(Tank, { init: { level: 5 } });
  tank.tell('look');
  // @ts-expect-error it needs its init
  await nexus.spawn(Tank);
  const file = fileSensor({ kind: 'file', path: '/x', topic: 'files.x' });
  await nexus.spawn(file);
  await nexus.spawn(file, { init: { path: '/y' } });
  // @ts-expect-error there is no such option
  await nexus.spawn(file, { init: { paths: '/y' } });
}
