/**
 * A network of namespaces of the kernel: a namespace for each node, joined by a bridge. What is cut or lost is dropped by the kernel, packet by packet, on its way to the bridge (`packet-filter.ts`), so that TCP sees what
 * it sees when a cable is out. Delay, bandwidth and damage are done by a proxy in each namespace, if the plan has such faults: then the others are known there by addresses that are the proxy's.
 *
 * All of it is inside namespaces that `isolation.ts` has made for this process alone: when it ends, however it ends, the kernel takes them away.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { LinkConditions } from '../../testing/simulation/link.js';
import { CommandFailure } from '../command-failure.js';
import { type ChaosNetwork, CONTROL_PORT, DATA_PORT, type NodePlace, streamConditions } from './network.js';
import { packetFilter } from './packet-filter.js';
import { ProxyProcess } from './proxy/proxy-process.js';

const run = promisify(execFile);
const BRIDGE = 'chaos';

export interface NamespacesOptions {
  readonly nodes: number;
  /** Whether a proxy is needed in each namespace. */
  readonly withProxies: boolean;
  /** A filter could not be set: links are not as they are to be. */
  failed(error: Error): void;
}

export async function openNamespaces({ nodes, withProxies, failed }: NamespacesOptions): Promise<ChaosNetwork> {
  const numbers = Array.from({ length: nodes }, (_, index) => index + 1);
  const real = (node: number): string => `10.77.${node >> 8}.${node & 255}`;
  const told = (node: number): string => `10.78.${node >> 8}.${node & 255}`;
  const inside = (node: number): readonly string[] => ['nsenter', `--net=/run/netns/n${node}`];
  await build(numbers, { real, told, withProxies });
  const proxies = new Map<number, ProxyProcess>();
  if (withProxies)
    await Promise.all(
      numbers.map(async (from) => {
        const ports = numbers
          .filter((to) => to !== from)
          .flatMap((to) => [CONTROL_PORT, DATA_PORT].map((port) => ({ host: told(to), port, target: { host: real(to), port }, to, from })));
        proxies.set(from, await ProxyProcess.open(ports, inside(from)));
      }),
    );
  const rules = new Map(numbers.map((node) => [node, new Map<number, number>()]));
  let last: Promise<void> = Promise.resolve();
  const filtered = new Set<number>();
  /** The filters of a node, in the order in which they were wanted. */
  const filter = (node: number): void => {
    const program = packetFilter([...(rules.get(node) as Map<number, number>)].map(([to, loss]) => ({ to: real(to), loss })));
    const isThere = filtered.has(node);
    last = last.then(() => setFilter(`v${node}`, program, isThere)).catch(failed);
    if (program === undefined) filtered.delete(node);
    else filtered.add(node);
  };
  return {
    kind: 'namespaces',
    place: (node): NodePlace => ({
      listenHost: real(node),
      advertisedHost: withProxies ? told(node) : real(node),
      directHost: real(node),
      command: inside(node),
    }),
    set(from, to, conditions: LinkConditions) {
      const loss = conditions.isCut ? 1 : conditions.loss;
      const known = rules.get(from) as Map<number, number>;
      if ((known.get(to) ?? 0) !== loss) {
        known.set(to, loss);
        filter(from);
      }
      const stream = streamConditions(conditions, true);
      // A connection belongs to the proxy of whoever has dialled: each side has to know of both directions.
      for (const node of [from, to]) proxies.get(node)?.set({ from, to, conditions: stream });
    },
    async close() {
      for (const proxy of proxies.values()) proxy.close();
      await last;
    },
  };
}

async function build(
  numbers: readonly number[],
  { real, told, withProxies }: { real(node: number): string; told(node: number): string; readonly withProxies: boolean },
): Promise<void> {
  const lines = [
    'mkdir -p /run/netns',
    'ip link set lo up',
    `ip link add ${BRIDGE} type bridge`,
    `ip addr add 10.77.255.254/16 dev ${BRIDGE}`,
    `ip link set ${BRIDGE} up`,
    ...numbers.flatMap((node) => [
      `ip netns add n${node}`,
      `ip link add v${node} type veth peer name eth0 netns n${node}`,
      `ip link set v${node} master ${BRIDGE} up`,
      `tc qdisc add dev v${node} clsact`,
      `ip -n n${node} link set lo up`,
      `ip -n n${node} addr add ${real(node)}/16 dev eth0`,
      `ip -n n${node} link set eth0 up`,
      // Its own, and where its proxy listens for the others.
      ...(withProxies ? numbers.map((other) => `ip -n n${node} addr add ${told(other)}/32 dev lo`) : []),
    ]),
  ];
  await shell(lines.join('\n'));
}

/** What comes from the node is looked at where it enters the bridge: the node itself notices nothing. */
async function setFilter(device: string, program: string | undefined, isThere: boolean): Promise<void> {
  const where = ['dev', device, 'ingress', 'prio', '1', 'handle', '1', 'protocol', 'all', 'bpf'];
  if (program !== undefined) await run('tc', ['filter', 'replace', ...where, 'bytecode', program, 'direct-action']);
  else if (isThere) await run('tc', ['filter', 'del', 'dev', device, 'ingress', 'prio', '1']);
}

async function shell(script: string): Promise<void> {
  try {
    await run('sh', ['-e', '-c', script]);
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new CommandFailure(`the network could not be made: ${stderr?.trim() || (error as Error).message}`);
  }
}
