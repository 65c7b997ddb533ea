/** Kinds of the run with kills: each counts, keeps the last numbers it was told, and is saved in its way. Some leave memory now and then. */
import { defineAgent } from 'nexus-agents';

const LAST_MAX = 8;
const state = () => ({ count: 0, last: [] });

function add(own) {
  own.count++;
  own.last.push(own.count);
  if (own.last.length > LAST_MAX) own.last.shift();
  return own.count;
}

const read = { durable: 'none', handler: (own) => own };

export const KillThrough = defineAgent({
  kind: 'killThrough',
  state,
  durable: { writes: 'through', passivateAfterMs: 15 },
  actions: { add, read },
});

export const KillBehind = defineAgent({
  kind: 'killBehind',
  state,
  durable: { lossMaxMs: 100, passivateAfterMs: 30 },
  actions: {
    /** The reply says when it had been handled. */
    add: (own) => [add(own), Date.now()],
    read,
  },
});

/** Counts by events; each reminder that is handled is one. */
export const KillLedger = defineAgent({
  kind: 'killLedger',
  state,
  durable: { writes: 'through', snapshotEvery: 20, apply: (own) => void add(own) },
  actions: { add: (own, _input, ctx) => ctx.record(0).count && own.count, read },
});
