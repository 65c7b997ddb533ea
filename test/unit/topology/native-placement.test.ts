/** The native calls on this machine: real threads, real memory. What a machine refuses is a result here too. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';
import { hostTopology } from '../../../dist/bindings/host-topology.js';
import { loadNativeAddon, type NativeAddon } from '../../../dist/bindings/native-addon.js';
import { reserveMemory } from '../../../dist/bindings/web-assembly-memory.js';
import { formatNumberList } from '../../../dist/ts-src/model/topology.js';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const { addon: loaded } = loadNativeAddon();
const addon = loaded as NativeAddon;
const built = path('../../../build/Release/nexus.node');
const ENOENT = 2;
const EINVAL = 22;
const ERANGE = 34;
const PAGE = 65_536;

interface Answer {
  readonly errno: number | undefined;
  readonly cpus: readonly number[];
  readonly thread: number;
  readonly allowed: string;
}

async function ask(worker: Worker, question: { readonly pin?: number }): Promise<Answer> {
  worker.postMessage(question);
  const [answer] = (await once(worker, 'message')) as [Answer];
  return answer;
}

function startThread(): Worker {
  return new Worker(path('./pinned-thread.mjs'), { workerData: { addon: built } });
}

describe.skipIf(loaded === undefined || process.platform !== 'linux')('on this machine', () => {
  const { allowedCpus } = hostTopology();
  const all = formatNumberList(allowedCpus);

  it('a worker that is pinned stays on its processor, and no other thread is tied', async () => {
    const cpu = allowedCpus[allowedCpus.length - 1] as number;
    const pinned = startThread();
    const other = startThread();
    try {
      expect((await ask(pinned, {})).allowed).toBe(all);
      const answer = await ask(pinned, { pin: cpu });
      expect(answer).toMatchObject({ errno: 0, cpus: [cpu], allowed: String(cpu) });
      expect(readFileSync(`/proc/self/task/${answer.thread}/status`, 'utf8')).toMatch(new RegExp(`^Cpus_allowed_list:\\s*${cpu}$`, 'm'));
      expect((await ask(other, {})).allowed).toBe(all);
      expect(readFileSync('/proc/thread-self/status', 'utf8')).toMatch(new RegExp(`^Cpus_allowed_list:\\s*${all}$`, 'm'));
      expect(formatNumberList(hostTopology().allowedCpus)).toBe(all);
    } finally {
      await Promise.all([pinned.terminate(), other.terminate()]);
    }
  });

  it('a pinned worker can be tied to another processor', async () => {
    const worker = startThread();
    try {
      for (const cpu of allowedCpus.slice(0, 4)) expect(await ask(worker, { pin: cpu })).toMatchObject({ errno: 0, cpus: [cpu] });
    } finally {
      await worker.terminate();
    }
  });

  it.skipIf(allowedCpus.length < 2)("the threads of Node's pool are not tied by a pinned worker that uses them first, if they were started", () => {
    const cpu = allowedCpus[allowedCpus.length - 1];
    // It stays, to be counted.
    const worker = `const { parentPort } = require('node:worker_threads'); parentPort.on('message', () => undefined);
      require(${JSON.stringify(built)}).pinThread(${cpu}); require('node:fs/promises').access('/').then(() => parentPort.postMessage(0))`;
    // CommonJS: loading a module of the other kind uses the pool.
    const script = (start: string): string => `
      const { readdirSync, readFileSync } = require('node:fs');
      const { Worker } = require('node:worker_threads');
      ${start}.then(() => {
        new Worker(${JSON.stringify(worker)}, { eval: true }).once('message', () => {
          const lists = readdirSync('/proc/self/task').map((task) => {
            try {
              return /^Cpus_allowed_list:\\s*(.*)$/m.exec(readFileSync('/proc/self/task/' + task + '/status', 'utf8'))[1];
            } catch (error) {
              // A thread of V8 that has ended since it was listed.
              if (error.code === 'ENOENT' || error.code === 'ESRCH') return '';
              throw error;
            }
          });
          console.log(lists.filter((list) => list === '${cpu}').length);
          process.exit();
        });
      });`;
    const tied = (start: string): number =>
      Number(spawnSync(process.execPath, ['--input-type=commonjs', '--eval', script(start)], { encoding: 'utf8' }).stdout);
    const module = JSON.stringify(path('../../../dist/bindings/host-topology-placement.js'));
    // Without it they are, where nothing that Node does at its start uses the pool.
    if (process.version.startsWith('v20.')) expect(tied('Promise.resolve()')).toBeGreaterThan(1);
    expect(tied(`import(${module}).then(({ startThreadPool }) => startThreadPool())`)).toBe(1);
  });

  it('a processor that does not exist is refused, and the worker stays where it may be', async () => {
    const worker = startThread();
    try {
      for (const pin of [-1, 8191, 2 ** 31 - 1]) expect(await ask(worker, { pin })).toMatchObject({ errno: EINVAL, allowed: all });
    } finally {
      await worker.terminate();
    }
  });

  it('memory that is bound to a node is there once it is touched', () => {
    const [node] = hostTopology().allowedNodes;
    const view = new Uint8Array(reserveMemory(64).buffer);
    const errno = addon.bindMemory(view, 10, view.length - 10, node as number);
    if (addon.numaProvider().provider === 'none') return expect(errno).toBeGreaterThan(0);
    expect(errno).toBe(0);
    expect(addon.memoryNodeOf(view, 32 * PAGE)).toBe(-ENOENT);
    view[32 * PAGE] = 1;
    expect(addon.memoryNodeOf(view, 32 * PAGE)).toBe(node);
  });

  it('memory that is interleaved is on one of the nodes once it is touched', () => {
    const [node = 0] = hostTopology().allowedNodes;
    const view = new Uint8Array(reserveMemory(4).buffer);
    const bits = new Uint8Array(128);
    bits[node >> 3] = 1 << (node & 7);
    const errno = addon.interleaveMemory(view, 0, view.length, bits);
    if (addon.numaProvider().provider === 'none') return expect(errno).toBeGreaterThan(0);
    expect(errno).toBe(0);
    view[PAGE] = 1;
    expect(addon.memoryNodeOf(view, PAGE)).toBe(node);
  });

  it('what cannot be bound is refused, and the memory works as before', () => {
    if (addon.numaProvider().provider === 'none') return;
    const view = new Uint8Array(reserveMemory(4).buffer);
    expect(addon.bindMemory(view, 0, view.length, 1023)).toBe(EINVAL);
    expect(addon.bindMemory(view, 0, view.length, 100_000)).toBe(EINVAL);
    expect(addon.bindMemory(view, 0, view.length, -1)).toBe(EINVAL);
    expect(addon.bindMemory(view, 1, 100, 0)).toBe(ERANGE);
    expect(addon.bindMemory(view, 0, 0, 0)).toBe(ERANGE);
    expect(addon.interleaveMemory(view, 0, view.length, new Uint8Array(1))).toBe(EINVAL);
    view.fill(7);
    expect(view[PAGE]).toBe(7);
  });

  it('ranges and types that are wrong are TypeErrors: they are mistakes of the caller', () => {
    const view = new Uint8Array(new SharedArrayBuffer(PAGE));
    const wrong = [
      () => addon.bindMemory(view, 0, PAGE + 1, 0),
      () => addon.bindMemory(view, -1, 1, 0),
      () => addon.bindMemory(view, Number.NaN, 1, 0),
      () => addon.bindMemory([] as unknown as Uint8Array, 0, 0, 0),
      () => addon.bindMemory(view, 0, PAGE, 'x' as unknown as number),
      () => addon.interleaveMemory(view, 0, PAGE, new Uint8Array(129)),
      () => addon.memoryNodeOf(view, PAGE),
      () => addon.pinThread('x' as unknown as number),
    ];
    for (const call of wrong) expect(call).toThrow(TypeError);
  });
});

describe.skipIf(process.platform !== 'linux' || spawnSync('g++', ['--version']).status !== 0)('under a kernel that refuses', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-placement-'));
  const binary = join(folder, 'check');
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('the core answers with the reason, under sanitizers', () => {
    const flags = ['-std=c++17', '-O1', '-g', '-fno-exceptions', '-Wall', '-Wextra', '-Werror', '-fsanitize=undefined', '-fno-sanitize-recover=undefined'];
    const compiled = spawnSync('g++', [...flags, `-I${path('../../../numa/include')}`, path('../../../numa/test/placement_check.cc'), '-o', binary], {
      encoding: 'utf8',
    });
    expect(compiled.stderr).toBe('');
    const run = spawnSync(binary, { encoding: 'utf8' });
    expect(run.stdout.match(/^FAIL.*/gm)).toBeNull();
    expect(run.status).toBe(0);
    expect(run.stdout.match(/^pass /gm)?.length).toBeGreaterThan(10);
  });

  it.skipIf(loaded === undefined)('everything goes on, and every refusal is told', () => {
    const script = `
      import { hostTopology } from ${JSON.stringify(path('../../../dist/bindings/host-topology.js'))};
      import { pinCallingThread } from ${JSON.stringify(path('../../../dist/bindings/host-topology-placement.js'))};
      console.log(JSON.stringify({ host: hostTopology(), pinned: pinCallingThread(1, 0) }));`;
    const run = spawnSync(binary, ['refuse', process.execPath, '--input-type=module', '--eval', script], { encoding: 'utf8' });
    if (run.status === 2) return;
    expect(run.stderr).toBe('');
    const { host, pinned } = JSON.parse(run.stdout);
    expect(host.provider).toBe('none');
    expect(host.refusals).toContainEqual({ operation: 'place memory on nodes', code: 'EPERM', reason: expect.any(String) });
    expect(host.allowedCpus.length).toBeGreaterThan(0);
    expect(pinned).toEqual({ operation: 'pin thread 1 to cpu 0', code: 'EPERM', reason: expect.stringContaining('CAP_SYS_NICE') });
  });
});
