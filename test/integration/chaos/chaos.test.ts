/**
 * `nexus chaos` as a command: real processes in which things go wrong, through the proxy and in namespaces of the kernel where they may be made; that a mistake in what they run is found; and that nothing is left of a run,
 * also when it is interrupted.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseHistory } from 'nexus-agents/testing';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { whyNoNamespaces } from '../../../dist/ts-src/cli/chaos/isolation.js';
import { until } from '../../until.js';
import { killCommands, nexusCommand, type RunningCommand } from '../nexus-command.js';

afterAll(killCommands);

const noNamespaces = whyNoNamespaces();

function folderFor(plan?: object): { readonly folder: string; readonly out: string; readonly planFile: string } {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-test-chaos-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const planFile = join(folder, 'plan.json');
  if (plan !== undefined) writeFileSync(planFile, JSON.stringify(plan));
  return { folder, out: join(folder, 'out'), planFile };
}

const file = (out: string, name: string): string => readFileSync(join(out, name), 'utf8');

/** Processes that have this among their arguments, as the kernel lists them. */
function processesWith(argument: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').includes(argument);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Runs of this test leave no folder below the one for temporary files. */
const foldersOfRuns = (): string[] => readdirSync(tmpdir()).filter((name) => /^nexus-chaos-/.test(name));

/** What a CI run has time for: each kind that needs a network, and an end of a process. */
const SHORT = {
  seed: 11,
  nodes: 3,
  durationMs: 26_000,
  resolver: { strategy: 'keepMajority' },
  faults: [
    { kind: 'loss', atMs: 500, forMs: 6000, rate: 0.1 },
    { kind: 'latency', atMs: 1000, forMs: 4000, addedMs: 20, jitterMs: 20 },
    // Longer than the lease: the smaller side fences itself.
    { kind: 'partition', atMs: 3000, forMs: 7000, groups: [[1], [2, 3]] },
    { kind: 'byzantineFrames', atMs: 1000, forMs: 12_000, nodes: [1, 2], perSecond: 4 },
    { kind: 'pause', atMs: 13_000, forMs: 1500, nodes: [2] },
    // The same one: two of three stay together all the time, so that the cluster goes on.
    { kind: 'crash', atMs: 18_000, forMs: 2500, nodes: [1], disk: 'kept', ending: 'reset' },
    { kind: 'oneWayPartition', atMs: 22_000, forMs: 2000, from: [2], to: [3] },
  ],
};

async function ended(command: RunningCommand): Promise<number | string> {
  const code = await command.exit;
  if (code !== 0) console.log(command.err(), command.out());
  return code;
}

describe('a cluster of three processes in which things go wrong', () => {
  const networks = [
    ['proxy', 'agents of three processes behind a proxy are linearizable registers, whatever goes wrong'],
    ['namespaces', 'agents of three processes in network namespaces of the kernel are linearizable registers, whatever goes wrong'],
  ] as const;
  for (const [network, title] of networks) {
    const why = network === 'namespaces' ? noNamespaces : undefined;
    test.skipIf(why !== undefined)(`${title}${why === undefined ? '' : ` (skipped: ${why})`}`, { timeout: 180_000 }, async () => {
      const { out, planFile } = folderFor(SHORT);
      const command = nexusCommand(['chaos', planFile, '--network', network, '--out', out, '--json']);
      const code = await ended(command);
      const outcome = JSON.parse(command.out()) as {
        verdict: string;
        network: string;
        operations: { ok: number };
        checks: { name: string; outcome: string; text: string }[];
      };
      expect(outcome.checks.filter((check) => check.outcome !== 'held')).toEqual([]);
      expect([code, outcome.verdict, outcome.network]).toEqual([0, 'held', network]);
      // On a machine that does much else, too.
      expect(outcome.operations.ok).toBeGreaterThan(30);
      // The faults were done: n1 has felt that it was cut off, and was killed later.
      const { events } = JSON.parse(file(out, 'report.json')) as { events: { node: string; text: string }[] };
      expect(events).toEqual(
        expect.arrayContaining([expect.objectContaining({ node: 'n1', text: 'fenced' }), expect.objectContaining({ node: 'n1', text: 'ended with SIGKILL' })]),
      );
      const report = file(out, 'report.md');
      expect(report).toContain('**Everything that must hold held.**');
      expect(report).toContain('partition 1 \\| 2,3');
      expect(file(out, 'timeline.svg')).not.toMatch(/NaN|undefined|Infinity/);
      // What was judged can be judged again.
      expect(parseHistory(file(out, 'history.edn'), { keyed: true }).filter(({ outcome: how }) => how === 'ok')).toHaveLength(outcome.operations.ok);
      expect(await nexusCommand(['check', join(out, 'history.edn'), '--model', 'map']).exit).toBe(0);
      expect(processesWith(out)).toEqual([]);
    });
  }
});

describe('one process', () => {
  test('that answers reads from a stale cache is found, and the mistake is drawn', { timeout: 60_000 }, async () => {
    const { out, planFile } = folderFor({ seed: 1, nodes: 1, durationMs: 3000, faults: [] });
    const module = fileURLToPath(new URL('./stale-registers.mjs', import.meta.url));
    const command = nexusCommand(['chaos', planFile, '--network', 'proxy', '--out', out, '--module', module, '--kind', 'staleRegister']);
    expect(await command.exit).toBe(1);
    expect(command.out()).toContain('violated: operations on registers are linearizable\n  not linearizable as key-value map');
    expect(file(out, 'report.md')).toContain('**Something that must hold did not.**');
    expect(file(out, 'failure.svg')).toContain('would have to come next, and cannot');
    expect(await nexusCommand(['check', join(out, 'history.edn'), '--model', 'map']).exit).toBe(1);
  });

  test('that is killed, stopped and attacked keeps what it has acknowledged', { timeout: 60_000 }, async () => {
    const faults = [
      { kind: 'restart', atMs: 1000, nodes: [1] },
      { kind: 'pause', atMs: 4000, forMs: 1000, nodes: [1] },
      { kind: 'slowNode', atMs: 5500, forMs: 1000, nodes: [1], delayMs: 100 },
      { kind: 'byzantineFrames', atMs: 500, forMs: 6000, nodes: [1], perSecond: 10 },
      { kind: 'clockJump', atMs: 100, nodes: [1], byMs: 5 },
    ];
    const { out, planFile } = folderFor({ seed: 3, nodes: 1, durationMs: 8000, faults });
    const before = foldersOfRuns();
    const command = nexusCommand(['chaos', planFile, '--network', 'proxy', '--out', out]);
    expect(await ended(command)).toBe(0);
    expect(command.err()).toContain('skipped: clockJump at 0.1 s: all processes share the clocks of this machine: simulate it');
    const report = JSON.parse(file(out, 'report.json')) as {
      checks: { text: string }[];
      seconds: { failed: number; ok: number }[];
      events: { text: string }[];
    };
    expect(report.events.map(({ text }) => text)).toEqual(expect.arrayContaining(['ended with SIGKILL', 'serving']));
    expect(Number(/(\d+) hostile/.exec(report.checks.at(-1)?.text ?? '')?.[1])).toBeGreaterThan(10);
    // While it was down nothing was answered, and before and after it was.
    expect(report.seconds.some(({ failed }) => failed > 0)).toBe(true);
    expect(report.seconds.at(-1)?.ok).toBeGreaterThan(0);
    expect(foldersOfRuns().filter((name) => !before.includes(name))).toEqual([]);
  });
});

describe('a run that is interrupted', () => {
  const runs = [
    ['proxy', 'SIGINT', 'a run behind the proxy that is interrupted leaves nothing behind'],
    ['namespaces', 'SIGINT', 'a run in namespaces that is interrupted leaves nothing behind'],
    ['namespaces', 'SIGKILL', 'a run in namespaces that is killed leaves nothing behind'],
  ] as const;
  for (const [network, signal, title] of runs) {
    const why = network === 'namespaces' ? noNamespaces : undefined;
    test.skipIf(why !== undefined)(`${title}${why === undefined ? '' : ` (skipped: ${why})`}`, { timeout: 60_000 }, async () => {
      const { out, planFile } = folderFor({ seed: 3, nodes: 1, durationMs: 600_000, faults: [{ kind: 'pause', atMs: 100, forMs: 500_000, nodes: [1] }] });
      const before = foldersOfRuns();
      const command = nexusCommand(['chaos', planFile, '--network', network, '--out', out]);
      await until(() => command.err().includes('pause'), 30_000);
      const nodes = processesWith('run').filter((pid) => isBelow(pid, command.child.pid as number));
      expect(nodes).toHaveLength(1);
      command.child.kill(signal);
      expect(await command.exit).toBe(signal === 'SIGINT' ? 130 : signal);
      await until(() => command.err().includes('interrupted; everything is taken away'));
      await until(() => nodes.every((pid) => !existsSync(`/proc/${pid}`)));
      expect(foldersOfRuns().filter((name) => !before.includes(name))).toEqual([]);
    });
  }
});

/** Whether a process was started by another one, or by one that it has started. */
function isBelow(pid: number, ancestor: number): boolean {
  for (let at = pid; at > 1; ) {
    if (at === ancestor) return true;
    at = Number(/^PPid:\t(\d+)/m.exec(readFileSync(`/proc/${at}/status`, 'utf8'))?.[1] ?? 0);
  }
  return false;
}

describe('the command', () => {
  const run = async (...args: string[]): Promise<readonly [number | string, string]> => {
    const command = nexusCommand(['chaos', ...args]);
    return [await command.exit, command.err()];
  };

  test('says what is wrong with a plan or an option', async () => {
    const { planFile, folder } = folderFor({ seed: 1, nodes: 3, durationMs: 1000, faults: [{ kind: 'pause', atMs: 0, forMs: 1, nodes: [4] }] });
    expect(await run(planFile)).toEqual([1, expect.stringContaining('faults[0].nodes[0]: is 4; it must be the number of a node, 1 to 3')]);
    expect(await run(join(folder, 'none.json'))).toEqual([1, expect.stringContaining('none.json is no plan')]);
    expect(await run(planFile, '--seed', '3')).toEqual([2, expect.stringContaining('--seed is of a drawn plan, and a plan was given')]);
    expect(await run('--network', 'namespace')).toEqual([2, expect.stringContaining("--network is 'namespace'; did you mean 'namespaces'?")]);
    expect(await run('--faults', 'partitions')).toEqual([2, expect.stringContaining("did you mean 'partition'?")]);
  });

  test('a plan for real processes runs in the simulator too, which says what it leaves out', async () => {
    const { planFile } = folderFor(SHORT);
    const command = nexusCommand(['sim', '--membership', '--plan', planFile]);
    expect(await ended(command)).toBe(0);
    expect(command.err()).toContain('skipped, as only real processes have it (nexus chaos): byzantineFrames');
    expect(command.out()).toMatch(/partition +1\n/);
  });
});
