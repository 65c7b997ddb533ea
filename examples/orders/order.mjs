/** The agent of one order; its id is the number of the order. Durable: each answer is on disk before it is given. What it decides is `order-rules.mjs`. */
import { defineAgent } from 'nexus-agents';
import { z } from 'zod';
import { acknowledge, cancel, deliver, expire, newOrder, pack, pay, place, ship, view } from './order-rules.mjs';

const PASSIVATE_AFTER_MS = 1000;

/** Chosen by whoever sends it, who sends the same again when the answer was lost. */
const commandId = z.string().min(1).max(64);
const command = z.object({ commandId });
const line = z.object({ article: z.string().regex(/^[a-z-]{1,40}$/), units: z.int().min(1).max(1000) });
const lines = z
  .array(line)
  .min(1)
  .max(20)
  .refine((all) => new Set(all.map(({ article }) => article)).size === all.length, 'an article is there twice');

export const placeInput = z.object({ commandId, customer: z.string().min(1).max(200), lines });

export const Order = defineAgent({
  kind: 'order',
  state: newOrder,
  // `through`: saved before the reply, and before the next message, so that `deliver` tells others only what is on disk. An order that is finished, or waits, needs no memory.
  durable: { writes: 'through', passivateAfterMs: PASSIVATE_AFTER_MS },
  queries: { view },
  actions: {
    place: { decide: place, input: placeInput },
    pay: { decide: pay, input: command },
    pack: { decide: pack, input: command },
    ship: { decide: ship, input: command },
    cancel: { decide: cancel, input: command },
    acknowledge: { decide: acknowledge, input: z.object({ letter: z.int(), accepted: z.boolean() }) },
    expire: { decide: expire },
    // What a crash can undo of it is done again.
    deliver: { decide: deliver, durable: 'behind' },
  },
});
