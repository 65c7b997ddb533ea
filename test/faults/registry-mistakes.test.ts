/**
 * Mistakes in the registry, each made in a copy of the build: some world of registries must notice it. That an agent is not handed over to a node that is no member yet is what such a world has found when the protocol was made.
 */
import { afterEach, expect, test } from 'vitest';
import { registryModules, SMALL_RING } from '../unit/protocols/registry/registry-modules.js';
import { runWorld } from '../unit/protocols/registry/registry-world.js';
import { changedBuild } from './changed-build.mjs';

const SEEDS_MAX = 3000;
const FOLDER = 'ts-src/protocols/registry';
const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

interface Mistake {
  readonly mistake: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly says: RegExp;
  /** The seed to begin with: those before it find nothing, and take their time. */
  readonly first?: number;
}

test.each<Mistake>([
  {
    mistake: 'partitions are served when the first member has said what it runs',
    file: 'claims.js',
    from: 'asked.remaining.add(partition);',
    to: 'if (gathering.waiting > 0) continue; asked.remaining.add(partition);',
    says: /two activations/,
  },
  {
    mistake: 'a grant of an old view is accepted',
    file: 'requests.js',
    from: 'if (!this.#ownership.isInForce(partitionOf(id), from, answer.view))',
    to: 'if (false)',
    says: /two activations|went back|the directory has/,
    first: 512,
  },
  {
    mistake: 'a node that has reported goes on taking what its owner gave before',
    file: 'ownership.js',
    from: 'if (view > this.#since[partition])',
    to: 'if (false)',
    says: /two activations|went back|the copy of/,
    first: 2208,
  },
  {
    mistake: 'a gap in the changes of the owner is ignored',
    file: 'replication.js',
    from: 'part.epoch !== epoch || sequence !== part.sequence + 1',
    to: 'part.epoch !== epoch',
    says: /is not what its owner had/,
  },
  {
    mistake: 'what an owner of before sends late is taken for what the present one has written',
    file: 'replication.js',
    from: "if (!this.#directory.is('copy', partition) || !this.#ownership.isInForce(partition, from, view))",
    to: "if (!this.#directory.is('copy', partition))",
    says: /the copy of|successors that never agree/,
    first: 80,
  },
  {
    mistake: 'what was heard of is never forgotten',
    file: 'known-registrations.js',
    from: 'if (known === undefined || known.token > token)',
    to: 'if (true)',
    says: /after it was forgotten/,
  },
  {
    mistake: 'a copy of the directory that was found wrong is read again',
    file: 'known-registrations.js',
    from: 'return token <= (this.#wrongCopies.get(id) ?? 0);',
    to: 'return false;',
    says: /after it was forgotten/,
  },
  {
    mistake: 'what was heard of a node is not forgotten when it departs',
    file: 'registry-machine.js',
    from: 'if (departed.length > 0)',
    to: 'if (false)',
    says: /which is no member/,
  },
  {
    mistake: 'a hand-over does not raise the token',
    file: 'owner.js',
    from: 'const registration = { ...of, token: part.nextToken(this.#ownership.number) };',
    to: 'const registration = { ...of };',
    says: /went back|never settled|two activations|was lost|runs/,
  },
  {
    mistake: 'a node answers a claim of a view that it does not know yet',
    file: 'activation-reports.js',
    from: 'if (view > this.#ownership.number) {',
    to: 'if (false) {',
    says: /two activations/,
    first: 262,
  },
  {
    mistake: 'an agent is handed over to a node that is no member yet',
    file: 'registry-machine.js',
    from: '|| !this.#ownership.isMember(to)',
    to: '',
    says: /two activations/,
    first: 785,
  },
  {
    mistake: 'an owner writes for a node that knows of a later view',
    file: 'owner.js',
    from: 'request.view > this.#ownership.number || ',
    to: '',
    says: /two activations|went back|the directory has|was lost/,
    first: 104,
  },
])('some world of registries notices that $mistake', { timeout: 300_000 }, async ({ file, from, to, says, first = 1 }) => {
  const { dist, remove } = changedBuild([...SMALL_RING, { file: `${FOLDER}/${file}`, from, to }]);
  cleanUps.push(remove);
  const modules = await registryModules(dist);
  let wrong: string | undefined;
  let seed = first;
  for (; seed < first + SEEDS_MAX && wrong === undefined; seed++) wrong = runWorld(seed, modules).wrong;
  if (process.env.MISTAKE_RUNS !== undefined) console.log(seed - 1, wrong);
  expect(wrong).toMatch(says);
});
