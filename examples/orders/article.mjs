/**
 * The agent of one article: what is there of it, and for which orders it is reserved. Orders tell it everything at least once; it does everything once: a reservation is there or
 * is not, and only who knows that it has one has it shipped. It acknowledges when that is on disk. Kept as events, since many orders wait for one article.
 */
import { defineAgent } from 'nexus-agents';
import { z } from 'zod';

/** Deliveries that are remembered, so that one that is announced again is not counted again. */
export const DELIVERIES_MAX = 1000;

const request = z.object({ order: z.string(), units: z.int().positive(), letter: z.int() });

/** @typedef {{ received: number, shipped: number, reserved: Map<string, number>, deliveries: string[] }} Stock */

export const Article = defineAgent({
  kind: 'article',
  /** @returns {Stock} */
  state: () => ({ received: 0, shipped: 0, reserved: new Map(), deliveries: [] }),
  durable: { writes: 'through', apply, passivateAfterMs: 60_000 },
  queries: { figures },
  actions: {
    /** Units that come from a supplier. */
    receive: {
      input: z.object({ delivery: z.string().min(1).max(64), units: z.int().positive().max(1_000_000) }),
      handler(stock, { delivery, units }, ctx) {
        if (!stock.deliveries.includes(delivery)) ctx.record({ type: 'received', delivery, units });
        return figures(stock);
      },
    },
    reserve: {
      input: request,
      async handler(stock, { order, units, letter }, ctx) {
        const isThere = stock.reserved.has(order);
        const accepted = isThere || available(stock) >= units;
        if (accepted && !isThere) ctx.record({ type: 'reserved', order, units });
        await acknowledge(ctx, order, letter, accepted);
      },
    },
    ship: {
      input: request,
      async handler(stock, { order, letter }, ctx) {
        if (stock.reserved.has(order)) ctx.record({ type: 'shipped', order });
        await acknowledge(ctx, order, letter, true);
      },
    },
    release: {
      input: request,
      async handler(stock, { order, letter }, ctx) {
        if (stock.reserved.has(order)) ctx.record({ type: 'released', order });
        await acknowledge(ctx, order, letter, true);
      },
    },
  },
});

/** When it is on disk, not before. */
async function acknowledge(
  /** @type {import('nexus-agents').AgentContext} */ ctx,
  /** @type {string} */ order,
  /** @type {number} */ letter,
  /** @type {boolean} */ accepted,
) {
  await ctx.persist();
  ctx.send(order, 'acknowledge', { letter, accepted });
}

/** @param {Stock} stock @param {{ type: string, order: string, units: number, delivery: string }} event */
function apply(stock, { type, order, units, delivery }) {
  switch (type) {
    case 'received':
      stock.received += units;
      stock.deliveries = [...stock.deliveries.slice(1 - DELIVERIES_MAX), delivery];
      break;
    case 'reserved':
      stock.reserved.set(order, units);
      break;
    case 'shipped':
      stock.shipped += stock.reserved.get(order) ?? 0;
      stock.reserved.delete(order);
      break;
    case 'released':
      stock.reserved.delete(order);
      break;
  }
}

/** @param {import('nexus-agents').ReadonlyDeep<Stock>} stock */
function figures(stock) {
  return { received: stock.received, shipped: stock.shipped, reserved: reservedUnits(stock), available: available(stock), orders: [...stock.reserved.keys()] };
}

/** @param {import('nexus-agents').ReadonlyDeep<Stock>} stock */
const available = (stock) => stock.received - stock.shipped - reservedUnits(stock);

/** @param {import('nexus-agents').ReadonlyDeep<Stock>} stock */
function reservedUnits({ reserved }) {
  let sum = 0;
  for (const units of reserved.values()) sum += units;
  return sum;
}
