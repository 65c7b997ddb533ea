/** What the compiler knows of groups. Checked by `tsc -p test/tsconfig.json`, never run: an error that should be there and is not is an error. */
import { type AgentRef, type BroadcastReport, type Group, createNexus, defineAgent, type GatherReport, type TellOutcome } from 'nexus-agents';

type Equals<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_equal: Equals<A, B>): void {}

const Pricing = defineAgent({
  kind: 'pricing',
  groups: ['pricing'],
  state: () => ({ asked: 0 }),
  actions: {
    price: (_state, sku: string) => sku.length,
    count: (state) => state.asked,
    relay: async (_state, sku: string, ctx) => {
      const deadline = ctx.deadlineMs;
      same<typeof deadline, number | undefined>(true);
      ctx.join('others');
      ctx.leave('others');
      const price = await ctx.group('pricing', Pricing0).ask('price', sku, { routing: 'consistentHash', key: sku });
      same<typeof price, number>(true);
      return price;
    },
  },
});
const Pricing0 = defineAgent({ kind: 'pricing-0', state: () => 0, actions: { price: (_state, sku: string) => sku.length } });

const nexus = await createNexus({ agents: [Pricing], threads: 0 });
const pricing = nexus.group('pricing', Pricing);
same<typeof pricing, Group<typeof Pricing>>(true);
const asked = pricing.ask('price', 'tea', { routing: 'leastLoaded', timeoutMs: 5, tried: [] });
same<typeof asked, Promise<number>>(true);
const told = pricing.tell('count', undefined, { routing: 'optimized' });
same<typeof told, TellOutcome>(true);
const reached = pricing.broadcast('price', 'tea');
same<typeof reached, BroadcastReport>(true);
same<(typeof reached)['accepted'], number>(true);
const gathered = pricing.gather('price', 'tea', { quorum: 'majority', timeoutMs: 5 });
same<typeof gathered, Promise<GatherReport<number>>>(true);
const members = pricing.members();
same<typeof members, AgentRef<typeof Pricing>[]>(true);
// @ts-expect-error: there is no such action
void pricing.ask('prize', 'tea');
// @ts-expect-error: the input is missing
pricing.tell('price');
// @ts-expect-error: the input is of another type
pricing.broadcast('price', 5);
// @ts-expect-error: there is no such routing
pricing.tell('count', undefined, { routing: 'random' });
// @ts-expect-error: a tell waits for nothing
pricing.tell('count', undefined, { timeoutMs: 5 });
// @ts-expect-error: a quorum is a number, majority or all
void pricing.gather('count', undefined, { quorum: 'most' });
nexus.send('pricing', 'price', 'tea', { routing: 'consistentHash', key: 5 });
// @ts-expect-error: there is no such routing
nexus.send('pricing', 'price', 'tea', { routing: 'swarm' });
// Without a definition anything goes.
nexus.group('pricing').tell('anything', { at: 'all' });
// @ts-expect-error: groups are names
defineAgent({ kind: 'wrong', groups: 'pricing', state: () => 0, actions: {} });
