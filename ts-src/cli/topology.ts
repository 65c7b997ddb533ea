/** `nexus topology`: what the host is made of, what this process may use of it, and where a nexus would put its threads. It starts nothing. */
import { availableParallelism } from 'node:os';
import { hostTopology } from '../../bindings/host-topology.js';
import { type MemoryHome, PLACEMENT_POLICIES, type PlacementPlan, type PlacementPolicy, planPlacement } from '../model/thread-placement.js';
import { formatNumberList, type HostTopology } from '../model/topology.js';
import { parseCommandLine, UsageError } from './command-line.js';
import { textTable } from './text-table.js';

const COMMAND = 'topology';

export const TOPOLOGY_HELP = `nexus topology [options]

Prints the nodes, processors and memory of this host, what this process may use of them, what could not be found out and why,
and the processor each thread of a nexus would be tied to.

  --threads N               worker threads, 0 to 127 (default: one less than the processors)
  --policy P                compact: near each other. spread: on all nodes. none: not tied (default: compact)
  --json                    print it as JSON
  --help                    print this
`;

export async function topology(args: readonly string[]): Promise<void> {
  const line = parseCommandLine(COMMAND, args, { threads: { min: 0, max: 127 }, policy: 'text', json: 'flag', help: 'flag' });
  if (line.flag('help')) {
    process.stdout.write(TOPOLOGY_HELP);
    return;
  }
  const [unexpected] = line.positionals;
  if (unexpected !== undefined) throw new UsageError(COMMAND, `'${unexpected}' is not expected: this command takes options only`);
  const policy = policyOf(line.text('policy'));
  const workers = line.number('threads') ?? Math.max(1, availableParallelism() - 1);
  const host = hostTopology();
  const plan = planPlacement(host, workers + 1, policy);
  process.stdout.write(line.flag('json') ? `${topologyJson(host, plan)}\n` : topologyText(host, plan));
}

function policyOf(text: string | undefined): PlacementPolicy {
  if (text === undefined) return 'compact';
  const policy = PLACEMENT_POLICIES.find((each) => each === text);
  if (policy === undefined) throw new UsageError(COMMAND, `--policy is '${text}'; it must be one of ${PLACEMENT_POLICIES.join(', ')}`);
  return policy;
}

/** No quota is null: JSON has no undefined. */
export function topologyJson(host: HostTopology, placement: PlacementPlan): string {
  return JSON.stringify({ ...host, cpuQuota: host.cpuQuota ?? null, placement }, undefined, 2);
}

export function topologyText(host: HostTopology, plan: PlacementPlan): string {
  return `${[
    ...nodeLines(host),
    '',
    `allowed cpus    ${formatNumberList(host.allowedCpus)} (${host.allowedCpus.length} of ${host.cpus.length})`,
    `allowed memory  ${counted(host.allowedNodes.length, 'node')} (${formatNumberList(host.allowedNodes)})`,
    `cpu quota       ${host.cpuQuota === undefined ? 'none' : `${rounded(host.cpuQuota)} processors`}`,
    `memory placed   ${host.provider === 'none' ? 'not at all' : `by ${host.provider}`}`,
    `refusals        ${host.refusals.length === 0 ? 'none' : host.refusals.length}`,
    ...host.refusals.map(({ operation, code, reason }) => `  ${operation}: ${code}: ${reason}`),
    '',
    ...placementLines(host, plan),
  ].join('\n')}\n`;
}

function nodeLines(host: HostTopology): string[] {
  const rows = host.nodes.map(({ id, cpus, memoryBytes, freeBytes, distances }) => {
    const cores = new Set(host.cpus.filter(({ node }) => node === id).map(({ siblings }) => siblings[0])).size;
    return [String(id), formatNumberList(cpus) || '-', String(cores), gibibytes(memoryBytes), gibibytes(freeBytes), distances.join(' ')];
  });
  const distances = `distance to ${host.nodes.map(({ id }) => id).join(' ')}`;
  return textTable([['node', 'cpus', 'cores', 'memory', 'free', distances], ...rows]);
}

function placementLines(host: HostTopology, { policy, threads, rings, table: tableHome, warnings }: PlacementPlan): string[] {
  const byId = new Map(host.cpus.map((cpu) => [cpu.id, cpu]));
  const rows = threads.map(({ thread, cpu, node }) => {
    const core = cpu === undefined ? undefined : byId.get(cpu);
    const name = thread === 0 ? '0 (calling)' : String(thread);
    const place = core === undefined ? '-' : `${core.package}:${core.core}`;
    return [name, text(cpu), place, text(node), homeText(rings[thread]), thread === 0 && cpu !== undefined ? 'left to it, not pinned' : ''];
  });
  return [
    `placement of ${counted(threads.length, 'thread')}, policy ${policy}`,
    ...textTable([['thread', 'cpu', 'core', 'node', 'its rings', ''], ...rows]),
    `routing table   ${homeText(tableHome)}`,
    ...warnings.map(({ type, message }) => `warning         ${type}: ${message}`),
  ];
}

function homeText(home: MemoryHome | undefined): string {
  if (home === undefined || home.type === 'default') return 'where first touched';
  return home.type === 'node' ? `node ${home.node}` : `nodes ${formatNumberList(home.nodes)} in turn`;
}

function gibibytes(bytes: number): string {
  return bytes === 0 ? '-' : `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

function rounded(quota: number): string {
  return String(Math.round(quota * 100) / 100);
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function text(number: number | undefined): string {
  return number === undefined ? '-' : String(number);
}
