/** The options of `nexus run` that make its nexus a node of a cluster, as the option `cluster` of `createNexus`. Mistakes are named by their flags. */
import { resolveClusterOptions } from '../cluster/resolve-cluster-options.js';
import { NexusTypeError } from '../errors.js';
import type { ClusterOptions, JoinOptions, ListenOptions, ResolverOptions } from '../model/cluster-options.js';
import { nearest } from '../model/nearest-name.js';
import { addressOf } from '../model/node-identity.js';
import { type CommandLine, type OptionKind, UsageError } from './command-line.js';

const PORT = { min: 0, max: 65_535 };

export const CLUSTER_FLAGS: Readonly<Record<string, OptionKind>> = {
  join: 'text',
  cluster: 'text',
  node: 'text',
  weight: 'text',
  'cluster-listen': 'text',
  'cluster-data-port': PORT,
  advertise: 'text',
  resolver: 'text',
  state: 'text',
  metadata: 'text',
  'no-same-host': 'flag',
  'tls-cert': 'text',
  'tls-key': 'text',
  'tls-ca': 'text',
  'tls-crl': 'text',
};

export const CLUSTER_HELP = `Any of these makes the nexus a node of a cluster:

  --join SEEDS              where other nodes are: HOST:PORT[,HOST:PORT...], dns:NAME[:PORT], multicast, or environment (NEXUS_JOIN, NEXUS_CLUSTER_DNS)
  --cluster NAME            name of the cluster; nodes of another one are refused (default nexus)
  --node NAME               name of this node, unique in the cluster (default: name of the host and port)
  --weight W                how much this node takes of what is spread over the cluster, compared to the others, 0 to 1000 (default 1)
  --cluster-listen H:P      where this node listens for the others, port 0 for any free one (default 127.0.0.1:7400)
  --cluster-data-port P     where it listens for their messages (default: any free port)
  --advertise HOST          what the others are told to connect to; needed to listen on 0.0.0.0
  --resolver STRATEGY       who goes on after a partition: keepMajority (default), keepOldest, downAll, staticQuorum:N, keepReferee:NODE
  --state DIR               where the node keeps its incarnation
  --metadata K=V[,K=V...]   told to all nodes
  --no-same-host            messages to nodes on this machine go over the network, not through shared memory
  --tls-cert FILE           certificate of this node (PEM); with --tls-key and --tls-ca all connections use mutual TLS
  --tls-key FILE            its key
  --tls-ca FILE             who signs the certificates of all nodes
  --tls-crl FILE            revoked certificates
`;

const OF_FLAG: Readonly<Record<string, string>> = {
  'cluster.name': '--cluster',
  'cluster.node': '--node',
  'cluster.weight': '--weight',
  'cluster.join': '--join',
  'cluster.join.name': '--join',
  'cluster.join.port': '--join',
  'cluster.listen.host': '--cluster-listen',
  'cluster.listen.port': '--cluster-listen',
  'cluster.listen.advertise': '--advertise',
  'cluster.resolver': '--resolver',
  'cluster.resolver.strategy': '--resolver',
  'cluster.resolver.quorum': '--resolver',
  'cluster.resolver.referee': '--resolver',
  'cluster.stateDirectory': '--state',
  'cluster.metadata': '--metadata',
  'cluster.sameHost': '--no-same-host',
  'cluster.tls.certificateFile': '--tls-cert',
  'cluster.tls.keyFile': '--tls-key',
  'cluster.tls.authorityFile': '--tls-ca',
};

/** Undefined where none of the flags is given. */
export function clusterOptionsOf(command: string, line: CommandLine): ClusterOptions | undefined {
  if (!Object.keys(CLUSTER_FLAGS).some((flag) => line.flag(flag))) return undefined;
  const name = line.text('cluster');
  const node = line.text('node');
  const weight = line.text('weight');
  const join = line.text('join');
  const resolver = line.text('resolver');
  const stateDirectory = line.text('state');
  const metadata = line.text('metadata');
  const tls = tlsOf(command, line);
  const options: ClusterOptions = {
    ...(name === undefined ? {} : { name }),
    ...(node === undefined ? {} : { node }),
    ...(weight === undefined ? {} : { weight: weightOf(command, weight) }),
    ...(join === undefined ? {} : { join: joinOf(command, join) }),
    ...(resolver === undefined ? {} : { resolver: resolverOf(command, resolver) }),
    ...(stateDirectory === undefined ? {} : { stateDirectory }),
    ...(metadata === undefined ? {} : { metadata: metadataOf(command, metadata) }),
    ...(tls === undefined ? {} : { tls }),
    ...(line.flag('no-same-host') ? { sameHost: false } : {}),
    listen: listenOf(command, line),
  };
  try {
    resolveClusterOptions(options);
  } catch (error) {
    if (!(error instanceof NexusTypeError)) throw error;
    const option = String(error.data?.['option']);
    const flag = OF_FLAG[option];
    throw new UsageError(command, flag === undefined ? error.message : `${flag}${error.message.slice(option.length)}`);
  }
  return options;
}

function weightOf(command: string, text: string): number {
  if (!/^\d+(\.\d{1,3})?$/.test(text)) throw new UsageError(command, `--weight is '${text}'; it must be a number from 0 to 1000, with at most three decimals`);
  return Number(text);
}

function listenOf(command: string, line: CommandLine): ListenOptions {
  const listen = line.text('cluster-listen');
  const dataPort = line.number('cluster-data-port');
  const advertise = line.text('advertise');
  return {
    ...(listen === undefined ? {} : listenAddress(command, listen)),
    ...(dataPort === undefined ? {} : { dataPort }),
    ...(advertise === undefined ? {} : { advertise }),
  };
}

/** As an address, but that the port may be 0, or there only be a host. */
function listenAddress(command: string, text: string): { readonly host: string; readonly port?: number } {
  const isAnyPort = /:0$/.test(text) && addressOf(text.replace(/:0$/, ':1')) !== undefined;
  const address = isAnyPort ? addressOf(text.replace(/:0$/, ':1')) : addressOf(text, 7400);
  if (address === undefined) throw new UsageError(command, `--cluster-listen is '${text}'; it must be HOST:PORT, such as 10.0.0.7:7400 or 127.0.0.1:0`);
  return isAnyPort ? { host: address.host, port: 0 } : address;
}

function joinOf(command: string, text: string): readonly string[] | JoinOptions {
  if (text === 'multicast' || text === 'environment') return { type: text };
  if (!text.startsWith('dns:')) {
    const meant = /[.:,]/.test(text) ? undefined : nearest(text, ['multicast', 'environment']);
    // A host may be called so: with its port it is one.
    if (meant !== undefined) throw new UsageError(command, `--join is '${text}'; did you mean '${meant}'? An address is HOST:PORT`);
    return text.split(',').map((seed) => seed.trim());
  }
  const name = text.slice('dns:'.length);
  if (name === '') throw new UsageError(command, "--join is 'dns:'; it needs a name, such as dns:shop.default.svc.cluster.local");
  const [, host, port] = /^(.*):(\d{1,5})$/.exec(name) ?? [];
  return host === undefined ? { type: 'dns', name } : { type: 'dns', name: host, port: Number(port) };
}

function resolverOf(command: string, text: string): ResolverOptions {
  const [strategy, argument] = text.split(/:(.*)/s) as [string, string | undefined];
  if (strategy === 'staticQuorum') {
    if (argument === undefined || !/^\d+$/.test(argument))
      throw new UsageError(command, `--resolver is '${text}'; it needs how many voters go on, such as staticQuorum:3`);
    return { strategy, quorum: Number(argument) };
  }
  if (strategy === 'keepReferee') {
    if (argument === undefined || argument === '')
      throw new UsageError(command, `--resolver is '${text}'; it needs the name of a node, such as keepReferee:shop-1`);
    return { strategy, referee: argument };
  }
  return { strategy: text } as ResolverOptions;
}

function metadataOf(command: string, text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new UsageError(command, `--metadata has '${pair}'; it must be NAME=VALUE[,NAME=VALUE...]`);
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    }),
  );
}

function tlsOf(command: string, line: CommandLine): ClusterOptions['tls'] {
  const [certificateFile, keyFile, authorityFile, revocationListFile] = ['tls-cert', 'tls-key', 'tls-ca', 'tls-crl'].map((name) => line.text(name));
  if (certificateFile === undefined && keyFile === undefined && authorityFile === undefined && revocationListFile === undefined) return undefined;
  const missing = ['tls-cert', 'tls-key', 'tls-ca'].filter((name) => line.text(name) === undefined);
  if (missing.length > 0)
    throw new UsageError(command, `TLS needs --tls-cert, --tls-key and --tls-ca; missing: ${missing.map((name) => `--${name}`).join(', ')}`);
  return {
    certificateFile: certificateFile as string,
    keyFile: keyFile as string,
    authorityFile: authorityFile as string,
    ...(revocationListFile === undefined ? {} : { revocationListFile }),
  };
}
