/** Nodes of a cluster as processes of `nexus run`, for tests: what they print, with when it was read. */
import { freePort } from '../free-port.js';
import { nexusCommand, type RunningCommand } from '../nexus-command.js';
import { fixture } from '../../start-nexus.js';
import { until } from '../../until.js';

/** A line of `nexus run --json`. */
export interface NodeLine {
  readonly event: string;
  readonly node?: string;
  readonly members?: readonly string[];
  readonly threads?: readonly number[] | number;
  readonly url?: string;
  readonly because?: string;
  readonly view?: number;
  /** Of `performance.now()` here. */
  readonly atMs: number;
}

export interface NodeProcess extends Pick<RunningCommand, 'child' | 'exit' | 'err'> {
  readonly name: string;
  readonly lines: NodeLine[];
  /** The first line that is such a one, from now on or before. */
  line(isSuch: (line: NodeLine) => boolean, deadlineMs?: number): Promise<NodeLine>;
}

export async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

export function startNode(
  name: string,
  port: number,
  seeds: readonly number[],
  args: readonly string[] = [],
  env: Record<string, string> = {},
  module = 'ticking.mjs',
): NodeProcess {
  const join = seeds.length === 0 ? [] : ['--join', seeds.map((seed) => `127.0.0.1:${seed}`).join(',')];
  const command = nexusCommand(
    ['run', fixture(module).pathname, '--json', '--port', '0', '--threads', '1', '--node', name, '--cluster-listen', `127.0.0.1:${port}`, ...join, ...args],
    { env },
  );
  const lines: NodeLine[] = [];
  let rest = '';
  command.child.stdout?.on('data', (chunk: string) => {
    const texts = (rest + chunk).split('\n');
    rest = texts.pop() as string;
    for (const text of texts) lines.push({ ...(JSON.parse(text) as NodeLine), atMs: performance.now() });
  });
  return {
    ...{ name, lines, child: command.child, exit: command.exit, err: command.err },
    async line(isSuch, deadlineMs = 30_000) {
      try {
        await until(() => lines.some(isSuch), deadlineMs);
      } catch {
        throw new Error(
          `${name} did not print such a line within ${deadlineMs} ms: ${isSuch}\n${lines.map((line) => JSON.stringify(line)).join('\n')}\n${command.err()}`,
        );
      }
      return lines.find(isSuch) as NodeLine;
    },
  };
}

/** Waits until all of them know each other. */
export async function allJoined(nodes: readonly NodeProcess[], deadlineMs = 40_000): Promise<void> {
  const names = nodes.map(({ name }) => name).sort();
  await Promise.all(nodes.map((node) => node.line(({ members }) => members?.join() === names.join(), deadlineMs)));
}
