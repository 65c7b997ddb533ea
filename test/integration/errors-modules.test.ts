/** Modules that cannot be used: a clear error, nothing left running, and the next nexus starts. */
import { createNexus, defineAgent, type NexusOptions } from 'nexus-agents';
import { expect, test } from 'vitest';
import { Probe } from '../fixtures/probe.mjs';
import { projectOf, runIn } from '../documented-code.js';
import { codeOf, type Failure, failureOf, fixture, recorder, startNexus } from '../start-nexus.js';
import { until } from '../until.js';

const start = (module: string, options: Partial<NexusOptions> = {}): Promise<Failure | undefined> =>
  failureOf(createNexus({ agents: [fixture('probe.mjs'), fixture(module)], threads: 2, logger: recorder(), ...options }));
const workers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'MessagePort' || kind === 'Worker').length;

const MODULES: readonly (readonly [string, string, string, RegExp])[] = [
  [
    'fails to import on a worker only',
    'fails-on-worker.mjs',
    'NEXUS_MODULE_FAILED',
    /thread \d: .*fails-on-worker\.mjs could not be imported: .*not on a worker/s,
  ],
  ['throws at import', 'throws-at-import.mjs', 'NEXUS_MODULE_FAILED', /throws-at-import\.mjs could not be imported: RangeError: at import/],
  ['has a syntax error', 'syntax-error.mjs', 'NEXUS_MODULE_FAILED', /syntax-error\.mjs could not be imported: .*SyntaxError/s],
  ['imports what is not there', 'imports-nothing-there.mjs', 'NEXUS_MODULE_FAILED', /is-not-there\.mjs/],
  ['is not there', 'no-such-module.mjs', 'NEXUS_MODULE_FAILED', /no-such-module\.mjs could not be imported/],
  ['exports no definition', 'exports-nothing.mjs', 'NEXUS_MODULE_EMPTY', /exports-nothing\.mjs exports no agent definition/],
  ['ends the worker at import', 'exits-on-worker.mjs', 'NEXUS_THREAD_START_FAILED', /thread \d ended with exit code 9 before it was ready/],
  ['never settles its import', 'never-settles-on-worker.mjs', 'NEXUS_MODULE_FAILED', /thread \d: .*never-settles-on-worker\.mjs .*for what never comes/s],
  ['defines other actions on a worker', 'differs-on-worker.mjs', 'NEXUS_MODULE_MISMATCH', /kind 'different' has other actions on thread \d/],
  [
    'defines a kind that another module defines',
    'same-kind-again.mjs',
    'NEXUS_KIND_DUPLICATE',
    /kind 'probe' is defined twice: in .*probe\.mjs and in .*same-kind-again\.mjs/,
  ],
];

test.each(MODULES)('a module that %s rejects createNexus and leaves nothing running', async (_what, module, code, message) => {
  const before = workers();
  const failure = await start(module);
  expect(failure).toMatchObject({ name: 'NexusError', code });
  expect(failure?.message).toMatch(message);
  await until(() => workers() <= before);
  const nexus = await startNexus({ agents: [fixture('probe.mjs')], threads: 1 });
  expect(await (await nexus.spawn(Probe)).ask('read')).toBe(0);
});

test('a module that does not finish its import within startTimeoutMs rejects createNexus', async () => {
  const before = workers();
  const failure = await start('hangs-on-worker.mjs', { workers: { startTimeoutMs: 500 } });
  expect(failure).toMatchObject({ code: 'NEXUS_THREAD_START_FAILED' });
  expect(failure?.message).toMatch(/thread \d was not ready within 500 ms/);
  await until(() => workers() <= before);
});

test('the error of a module carries its cause', async () => {
  const failure = await start('throws-at-import.mjs');
  expect(failure?.error.cause).toBeInstanceOf(RangeError);
});

test('a definition that two modules export is one kind', async () => {
  const nexus = await startNexus({ agents: [fixture('probe.mjs'), fixture('exported-again.mjs')], threads: 1 });
  expect(nexus.kinds().filter(({ kind }) => kind === 'probe').length).toBe(1);
});

test('a module may be named by a URL, a file: string or a path', async () => {
  const url = fixture('probe.mjs');
  for (const agent of [url, url.href, decodeURIComponent(url.pathname)]) {
    const nexus = await startNexus({ agents: [agent], threads: 1 });
    expect(await (await nexus.spawn(Probe, { thread: 1 })).ask('where')).toBe(1);
  }
});

test('a kind given as a definition may not be one of a module', async () => {
  const failure = await failureOf(createNexus({ agents: [fixture('probe.mjs'), Probe], threads: 0 }));
  expect(failure).toMatchObject({ code: 'NEXUS_KIND_DUPLICATE' });
  const Twice = defineAgent({ kind: 'twice', state: () => 0, actions: {} });
  expect(await codeOf(createNexus({ agents: [Twice, defineAgent({ kind: 'twice', state: () => 0, actions: {} })], threads: 0 }))).toBe('NEXUS_KIND_DUPLICATE');
});

test('a module that gives itself to createNexus and waits for it is told so, instead of ending without a word', async () => {
  const main = `import { createNexus, defineAgent } from 'nexus-agents';
export const Lonely = defineAgent({ kind: 'lonely', state: () => 0, actions: {} });
const nexus = await createNexus({ agents: [new URL(import.meta.url)], threads: 1 });
await nexus.stop();`;
  const { status, text } = await runIn(projectOf(new Map([['main.js', main]])), 'node main.js');
  expect(text).toMatch(/NEXUS_MODULE_FAILED/);
  expect(text).toMatch(
    /main\.js could not be imported: Error: it waits at its top level for what never comes, such as the createNexus that it is itself given to/,
  );
  expect(status).toBe(1);
});
