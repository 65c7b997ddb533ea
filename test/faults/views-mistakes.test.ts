/**
 * Mistakes in the agreement on views and in leases, each made in a copy of the build: the explorer of faults must notice it, within 60 runs, or the adversary, within 800 much shorter ones. Those that
 * both meet too rarely are in `test/unit/protocols/views/voting.test.ts` and `granting.test.ts`, by themselves.
 */
import { afterEach, expect, test } from 'vitest';
import type { ResolverOptions } from '../../dist/ts-src/model/cluster-options.js';
import type { MembershipConfiguration, MembershipMachine } from '../../dist/ts-src/protocols/membership/membership.js';
import { attack, type MakeViews } from '../unit/protocols/views/adversary.js';
import { explore } from '../unit/protocols/views/explorer.js';
import { changedBuild } from './changed-build.mjs';

const VIEWS = 'ts-src/protocols/views/views.js';
const QUORUM = 'ts-src/protocols/views/quorum.js';
const MACHINE = 'ts-src/protocols/membership/membership-machine.js';
const GRANTS = 'ts-src/protocols/views/grants.js';
const AGREEMENT = 'ts-src/protocols/views/agreement.js';
const JOINING = 'ts-src/protocols/views/joining.js';
const RUNS_MAX = Number(process.env.MISTAKE_RUNS ?? 60);
const ATTACKS_MAX = 800;
const cleanUps: (() => void)[] = [];

afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

interface Mistake {
  readonly mistake: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** Made in another place too. */
  readonly also?: { readonly file: string; readonly from: string; readonly to: string };
  readonly says: RegExp;
  readonly resolver?: ResolverOptions;
  /** The run to begin with: others before it find nothing, and take their time. */
  readonly first?: number;
}

test.each<Mistake>([
  {
    mistake: 'a removal is agreed to before the lease has run out',
    file: GRANTS,
    from: 'this.#allGrantedMs) + this.#waitMs;',
    to: 'this.#allGrantedMs);',
    says: /ran until|runs/,
  },
  {
    mistake: 'an exact tie is won by both sides',
    file: QUORUM,
    from: '(2 * ones(mask) === count && (mask & 1) === 1)',
    to: '2 * ones(mask) === count',
    says: /and, at|runs|ran until/,
    resolver: { strategy: 'keepMajority' },
  },
  {
    mistake: 'a node that has never been answered counts as joined',
    file: MACHINE,
    from: 'if (this.#nowMs < views.leaseEndMs) {',
    to: 'if (true) {',
    says: /members|fenced|joining/,
  },
  {
    mistake: 'most of the seeds are enough to found',
    file: JOINING,
    from: 'if (promise === undefined || nowMs > promise.atMs + PROMISE_FRESH_MS)',
    to: 'if (promise === undefined && 2 * (founding.promises.size + 1) > founding.asked.size) continue; if (promise === undefined)',
    says: /two clusters/,
  },
  {
    mistake: 'what was proposed and not settled is never taken over',
    file: VIEWS,
    from: 'const rank = this.#system.voters',
    to: 'if (this.#index > 0) return; const rank = this.#system.voters',
    says: /after all was mended/,
  },
])('$mistake', { timeout: 300_000 }, async ({ file, from, to, says, resolver }) => {
  const { dist, remove } = changedBuild([{ file, from, to }]);
  cleanUps.push(remove);
  const { Membership } = (await import(/* @vite-ignore */ `${dist}ts-src/protocols/membership/membership-machine.js`)) as {
    Membership: new (configuration: MembershipConfiguration) => MembershipMachine;
  };
  let found: string | undefined;
  let runs = 0;
  for (let seed = 1; seed <= RUNS_MAX && found === undefined; seed++) {
    runs = seed;
    found = explore(seed, { make: (configuration) => new Membership(configuration), ...(resolver === undefined ? {} : { resolver }) }).wrong;
  }
  if (process.env.MISTAKE_RUNS !== undefined) console.log(runs, found);
  expect(found, `after ${runs} runs`).toMatch(says);
});

test.each<Mistake>([
  {
    mistake: 'a voter grants although it has agreed to a next view',
    file: VIEWS,
    from: 'this.#agreement.isUnsettled || this.#farewell !== undefined)',
    to: 'this.#farewell !== undefined)',
    first: 530,
    says: /runs/,
  },
  {
    mistake: 'a voter takes it that who cannot be reached has said that it runs nothing any more',
    file: VIEWS,
    from: 'this.#wanted.isDeparting(departure))',
    to: 'this.#wanted.isUnreachable(departure))',
    also: { file: GRANTS, from: 'known.isDeparting(node)', to: 'known.isUnreachable(node)' },
    says: /runs/,
  },
  {
    mistake: 'a proposer passes over what others have agreed to',
    file: AGREEMENT,
    from: 'if (latest !== undefined && this.#system.isQuorum(mask))',
    to: 'if (false)',
    says: /and, at/,
  },
  {
    mistake: 'a proposer takes it that those who have not answered have agreed to nothing',
    file: AGREEMENT,
    from: 'if (promise === undefined || promise.accepted !== undefined)',
    to: 'if (promise !== undefined && promise.accepted !== undefined)',
    says: /and, at/,
  },
  {
    mistake: 'a lease is timed from the answer and not from the ping',
    file: VIEWS,
    from: 'this.#lease.acked(node, grant, sentAtMs);',
    to: 'this.#lease.acked(node, grant, this.#nowMs);',
    says: /runs/,
  },
  {
    mistake: 'voters of another view do not wait anew',
    file: VIEWS,
    from: 'this.#grants.grantedByOthers(this.#nowMs);',
    to: ';',
    first: 235,
    says: /runs/,
  },
  {
    mistake: 'a voter forgets what it has promised to a greater ballot',
    file: AGREEMENT,
    from: 'this.#promised = Math.max(this.#promised, ballot);',
    to: '',
    first: 495,
    says: /and, at/,
  },
])('the adversary finds that $mistake', { timeout: 120_000 }, async ({ file, from, to, also, says, first = 1 }) => {
  const { dist, remove } = changedBuild([{ file, from, to }, ...(also === undefined ? [] : [also])]);
  cleanUps.push(remove);
  const { Views } = (await import(/* @vite-ignore */ `${dist}${VIEWS}`)) as { Views: new (...values: Parameters<MakeViews>) => ReturnType<MakeViews> };
  let found: string | undefined;
  let runs = 0;
  for (; runs < ATTACKS_MAX && found === undefined; runs++) {
    found = attack(first + runs, (...values) => new Views(...values)).wrong;
  }
  if (process.env.MISTAKE_RUNS !== undefined) console.log(runs, found);
  expect(found, `after ${runs} runs`).toMatch(says);
});
