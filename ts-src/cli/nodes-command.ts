/** `nexus nodes`: the cluster as one of its nodes sees it, asked of the console of that node. */
import type { ClusterSnapshot } from '../model/cluster-snapshot.js';
import { addressText } from '../model/node-identity.js';
import { ADDRESS_HELP, ADDRESS_OPTIONS, consoleAddress } from './console-address.js';
import { askConsole, readSnapshot } from './console-client.js';
import { CommandFailure } from './command-failure.js';
import { parseCommandLine, UsageError } from './command-line.js';
import { durationText, percentText } from './quantity-text.js';
import { endWithReader, print } from './standard-output.js';
import { harmless, harmlessJson } from './terminal-text.js';
import { textTable } from './text-table.js';
import { clusterFacts, nodeRows, nodeStateText, phiText, roleText } from './top/cluster-rows.js';

const COMMAND = 'nodes';

export const NODES_HELP = `nexus nodes [options]

Lists the nodes of the cluster that a running service belongs to, as that service sees them.

  --json                    print the snapshot of the cluster as JSON
${ADDRESS_HELP}
  --help                    print this

Exit code: 0; 1 if the service did not answer, or is no node of a cluster; 2 for a mistake in the command line.
`;

export async function nodes(args: readonly string[]): Promise<void> {
  const line = parseCommandLine(COMMAND, args, { json: 'flag', ...ADDRESS_OPTIONS, help: 'flag' });
  if (line.flag('help')) {
    process.stdout.write(NODES_HELP);
    return;
  }
  const [unexpected] = line.positionals;
  if (unexpected !== undefined) throw new UsageError(COMMAND, `'${unexpected}' is not expected: the command lists all nodes`);
  const address = consoleAddress(COMMAND, line, process.env);
  endWithReader();
  const { cluster } = readSnapshot(await askConsole(address, '/console/snapshot'));
  if (cluster === undefined)
    throw new CommandFailure(
      `the service at ${address.url} is no node of a cluster: it was started without the option cluster (nexus run --join, or --cluster-listen)`,
    );
  if (line.flag('json')) print(harmlessJson(cluster, 2));
  else process.stdout.write(nodesText(cluster));
}

/** What is printed: the standing of the node that was asked, and a table of all of them. */
export function nodesText(cluster: ClusterSnapshot): string {
  const rows = nodeRows(cluster).map((row) => {
    const { member, link, share } = row;
    return [
      member.name,
      nodeStateText(row),
      roleText(row),
      String(member.sinceView),
      phiText(row),
      durationText(link?.roundTripMs?.mean ?? Number.NaN, true),
      percentText(link?.loss ?? Number.NaN),
      percentText(share ?? Number.NaN),
      member.stalledThreads.length === 0 ? '-' : member.stalledThreads.join(','),
      addressText(member.address),
      member.version,
    ].map((text) => harmless(text));
  });
  const head = ['node', 'state', 'role', 'since', 'phi', 'round trip', 'loss', 'share', 'stalled', 'address', 'version'];
  const table = textTable([head, ...rows], ['left', 'left', 'left', 'right', 'right', 'right', 'right', 'right', 'left', 'left', 'left']);
  const unreached = cluster.members.filter(({ unreachableFrom }) => unreachableFrom.length > 0);
  const sides =
    cluster.partitions.length < 2
      ? []
      : ['', ...cluster.partitions.map((names, index) => `side ${index + 1}: ${names.map((name) => harmless(name)).join(', ')}`)];
  const pairs = unreached.map(
    ({ name, unreachableFrom }) => `${harmless(name)} is not reached by ${unreachableFrom.map((other) => harmless(other)).join(', ')}`,
  );
  return `${[
    harmless(clusterFacts(cluster, true).join(', ')),
    '',
    ...table.map((row) => row.slice(2)),
    ...sides,
    ...(sides.length === 0 && pairs.length > 0 ? ['', ...pairs] : []),
  ].join('\n')}\n`;
}
