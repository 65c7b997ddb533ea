/** Mistakes in the membership that a simulation must find: where each is made in a copy of the build, and what it is found by. Read by `mistakes.test.ts`. */

export interface SeededMistake {
  readonly mistake: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** Another change of the same file. */
  readonly more?: { readonly from: string; readonly to: string };
  /** What some seed fails with. */
  readonly foundBy: RegExp;
}

const PROTOCOLS = 'ts-src/protocols';

export const MISTAKES: readonly SeededMistake[] = [
  {
    mistake: 'the incarnation of a node that joins is not checked',
    file: `${PROTOCOLS}/views/views.js`,
    from: 'if (joiner.incarnation <= least) {',
    to: 'if (joiner.incarnation < 0) {',
    foundBy: /all members agree in the end|incarnations never go back|what was removed never comes back/,
  },
  {
    mistake: 'a tie is not broken: either half of the voters is a quorum',
    file: `${PROTOCOLS}/views/quorum.js`,
    from: '(2 * ones(mask) === count && (mask & 1) === 1)',
    to: '2 * ones(mask) === count',
    foundBy: /what was removed does not run|only one side runs/,
  },
  {
    mistake: 'a suspicion is not refuted',
    file: `${PROTOCOLS}/swim/members.js`,
    from: 'this.#refutation = rumour.refutation + 1;',
    to: '',
    foundBy: /all members agree in the end/,
  },
  {
    mistake: 'the timer of a suspicion is not cancelled by its refutation',
    file: `${PROTOCOLS}/swim/members.js`,
    from: "peer.suspicion = state === 'suspect' ? new Suspicion(nowMs, by) : undefined;",
    to: "peer.suspicion = state === 'suspect' ? new Suspicion(nowMs, by) : peer.suspicion;",
    more: { from: 'else\n            this.#suspects.delete(peer);', to: '' },
    foundBy: /all members agree in the end/,
  },
  {
    mistake: 'a removal is agreed to before the lease has run out',
    file: `${PROTOCOLS}/views/grants.js`,
    from: 'return (leaseMs + stopMarginMs) * (1 + CLOCK_DRIFT_MAX);',
    to: 'return (leaseMs + stopMarginMs) / 4;',
    foundBy: /what was removed does not run|only one side runs/,
  },
  {
    mistake: 'a removal does not wait for agents to stop',
    file: `${PROTOCOLS}/views/grants.js`,
    from: 'return (leaseMs + stopMarginMs) * (1 + CLOCK_DRIFT_MAX);',
    to: 'return leaseMs * (1 + CLOCK_DRIFT_MAX);',
    foundBy: /what was removed does not run|only one side runs/,
  },
  {
    mistake: 'a member asks a timer whether it may run, and not the clock',
    file: `${PROTOCOLS}/membership/membership-machine.js`,
    from: 'return nowMs < this.leaseEndMs;',
    to: "return this.#standing === 'member';",
    foundBy: /all members agree in the end|what was removed does not run|only one side runs/,
  },
  {
    mistake: 'a cluster is founded without asking all seeds',
    file: `${PROTOCOLS}/views/joining.js`,
    from: 'if (promise === undefined || nowMs > promise.atMs + PROMISE_FRESH_MS)\n                return;',
    to: 'if (promise === undefined)\n                continue;',
    foundBy: /what was removed does not run|only one side runs|a cluster is founded by all seeds/,
  },
  {
    mistake: 'the views of a new cluster begin with 1 again',
    file: `${PROTOCOLS}/views/view.js`,
    from: 'const number = Math.min(known, VIEW_NUMBER_KNOWN_MAX) + 1;',
    to: 'const number = 1;',
    foundBy: /views never begin again/,
  },
  {
    mistake: 'a node that starts again does not remember how far views have come',
    file: `${PROTOCOLS}/membership/node-memory.js`,
    from: 'this.#known = Math.min(VIEW_NUMBER_KNOWN_MAX, record?.viewNumberMax ?? 0);',
    to: 'this.#known = 0;',
    foundBy: /views never begin again/,
  },
  {
    mistake: 'only the node that founds a cluster is in its first view',
    file: `${PROTOCOLS}/membership/membership-machine.js`,
    from: '...others.filter(({ incarnation }) => incarnation <= most)',
    to: '',
    foundBy: /a cluster is founded by all seeds/,
  },
];
