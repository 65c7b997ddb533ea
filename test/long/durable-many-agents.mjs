/** The kind of which there are many. */
import { defineAgent } from 'nexus-agents';

export const Account = defineAgent({
  kind: 'account',
  state: (init) => ({ owner: init?.owner ?? '', balance: init?.balance ?? 0, changes: 0 }),
  durable: { passivateAfterMs: 2000 },
  actions: {
    deposit(account, amount) {
      account.balance += amount;
      account.changes++;
      return account.balance;
    },
    read: (account) => account.balance,
  },
});
