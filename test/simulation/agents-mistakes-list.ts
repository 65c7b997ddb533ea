/** Mistakes in what makes one system of many nodes, each of which simulated clusters of agents must find: some text of the build, and what is there in its place. */
export interface AgentsMistake {
  readonly mistake: string;
  /** Below `dist/`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly foundBy: RegExp;
  /** It was found by this one: those before it need not be run each time. */
  readonly seed: number;
}

export const AGENTS_MISTAKES: readonly AgentsMistake[] = [
  {
    mistake: 'ids are given to a new owner before all others have said what they run',
    file: 'ts-src/protocols/registry/claims.js',
    from: 'asked.remaining.add(partition);',
    to: 'if (gathering.waiting > 0) continue; asked.remaining.add(partition);',
    foundBy: /one id, one activation|tokens never go back|the registry agrees in the end/,
    seed: 4,
  },
  {
    mistake: 'a node is replaced before its lease has run out',
    file: 'ts-src/protocols/views/grants.js',
    from: 'return (leaseMs + stopMarginMs) * (1 + CLOCK_DRIFT_MAX);',
    to: 'return (leaseMs + stopMarginMs) / 4;',
    foundBy: /one id, one activation|tokens never go back|what was removed does not run|only one side runs/,
    seed: 5,
  },
];
