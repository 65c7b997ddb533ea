/**
 * The agent that keeps the books of clients that have ended: sums only, so that its memory does not grow with their number. It is told by `client.mjs` and
 * asked by whoever wants the totals to be right although clients are forgotten.
 */
import { defineAgent } from 'nexus-agents';

export const LEDGER_ID = 'ledger';

/** @typedef {{ clients: number, requests: number, admitted: number, refused: number }} LedgerTotals */

export const Ledger = defineAgent({
  kind: 'ledger',
  state: () => ({ clients: 0, requests: 0, admitted: 0, refused: 0 }),
  actions: {
    /** @param {{ requests: number, admitted: number, refused: number }} account */
    close: (totals, account) => {
      totals.clients++;
      totals.requests += account.requests;
      totals.admitted += account.admitted;
      totals.refused += account.refused;
    },
    totals: (totals) => ({ ...totals }),
  },
});
