/** The option `cluster` of `createNexus`: what it may be, its defaults and limits, and what a container's environment says. Called by `options.ts` only; opens nothing. */
import { optionError, valueText } from '../errors.js';
import type { ClusterOptions, ClusterTimingOptions, ClusterTlsOptions, JoinOptions, ListenOptions, ResolverOptions } from '../model/cluster-options.js';
import { checkNames, didYouMean, misspelt } from '../model/nearest-name.js';
import { addressOf, isNodeName, type NodeAddress } from '../model/node-identity.js';
import { isWeight, WEIGHT_DEFAULT } from '../protocols/views/view.js';

/** Of the membership, where nothing else is said. */
export const CLUSTER_PORT = 7400;
/** Where nodes look for each other in the local network: a group for private use (RFC 2365). */
export const MULTICAST_GROUP = '239.78.88.83';
export const MULTICAST_PORT = 7401;
const SEEDS_MAX = 256;
const METADATA_NAMES_MAX = 64;
const METADATA_CHARACTERS_MAX = 2048;

/** How other nodes are found, with nothing left open. `none`: nobody is looked for. */
export type ResolvedJoin =
  | { readonly type: 'none' }
  | { readonly type: 'static'; readonly seeds: readonly NodeAddress[] }
  | { readonly type: 'dns'; readonly name: string; readonly port: number; readonly intervalMs: number }
  | { readonly type: 'multicast'; readonly group: string; readonly port: number; readonly intervalMs: number };

export interface ResolvedCluster {
  readonly name: string;
  /** Undefined: the name of the host with the port, when that is known. */
  readonly node: string | undefined;
  readonly weight: number;
  readonly listen: { readonly host: string; readonly port: number; readonly dataPort: number; readonly advertise: string | undefined };
  readonly join: ResolvedJoin;
  readonly resolver: ResolverOptions;
  readonly tls: ClusterTlsOptions | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly stateDirectory: string | undefined;
  readonly timing: Required<ClusterTimingOptions>;
  readonly sameHost: boolean;
  readonly copies: number;
  readonly rebalance: boolean;
}

/** Variables of the environment; `process.env` but in tests. */
export type Environment = Readonly<Record<string, string | undefined>>;

const STRATEGIES: readonly ResolverOptions['strategy'][] = ['keepMajority', 'staticQuorum', 'keepOldest', 'keepReferee', 'downAll'];
const JOIN_TYPES: readonly JoinOptions['type'][] = ['static', 'dns', 'multicast', 'environment'];
const NAMES = {
  cluster: ['name', 'node', 'weight', 'listen', 'join', 'resolver', 'tls', 'metadata', 'stateDirectory', 'timing', 'sameHost', 'copies', 'rebalance'],
  'cluster.listen': ['host', 'port', 'dataPort', 'advertise'],
  'cluster.tls': ['certificateFile', 'keyFile', 'authorityFile', 'revocationListFile', 'serverName'],
  'cluster.timing': ['probeIntervalMs', 'probeTimeoutMs', 'leaseMs', 'stopMarginMs', 'stalledAfterMs'],
} as const;

/**
 * @returns undefined for a nexus that is no node of a cluster
 * @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN
 */
export function resolveClusterOptions(given: ClusterOptions | undefined, environment: Environment = process.env): ResolvedCluster | undefined {
  if (given === undefined) return undefined;
  checkNames('cluster', given, NAMES.cluster);
  const { name = 'nexus', node, stateDirectory, sameHost = true, rebalance = true } = given;
  if (!isNodeName(name)) throw optionError('cluster.name', nameMessage(name));
  if (node !== undefined && !isNodeName(node)) throw optionError('cluster.node', nameMessage(node));
  if (stateDirectory !== undefined && !isText(stateDirectory, 4096))
    throw optionError('cluster.stateDirectory', `is ${valueText(stateDirectory)}; it must be the path of a directory`);
  if (typeof rebalance !== 'boolean') throw optionError('cluster.rebalance', `is ${valueText(rebalance)}; it must be true or false`);
  if (typeof sameHost !== 'boolean') throw optionError('cluster.sameHost', `is ${valueText(sameHost)}; it must be true or false`);
  return {
    name,
    node: node ?? nodeOf(given.join, environment),
    weight: checkedWeight('cluster.weight', given.weight),
    listen: listenOf(given.listen, given.join, environment),
    join: joinOf(given.join, environment),
    resolver: resolverOf(given.resolver),
    tls: tlsOf(given.tls),
    metadata: checkedMetadata('cluster.metadata', given.metadata),
    stateDirectory,
    timing: timingOf(given.timing),
    sameHost,
    rebalance,
    copies: whole('cluster.copies', given.copies, 1, 0, 4),
  };
}

/** Of a node that was given no name: the name of its host, as far as it can be one, and its port. */
export function defaultNodeName(hostname: string, port: number): string {
  const suffix = `-${port}`;
  const start = hostname
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 63 - suffix.length);
  return `${start === '' ? 'node' : start}${suffix}`;
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID */
export function checkedMetadata(option: string, given: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> {
  if (given === undefined) return {};
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw optionError(option, `is ${valueText(given)}; it must be an object of texts, such as { zone: 'a' }`);
  const entries = Object.entries(given);
  let characters = 0;
  for (const [key, value] of entries) {
    if (typeof value !== 'string') throw optionError(option, `has ${valueText(value)} as '${key.slice(0, 80)}'; values must be strings`);
    characters += key.length + value.length;
  }
  if (entries.length > METADATA_NAMES_MAX || characters > METADATA_CHARACTERS_MAX)
    throw optionError(
      option,
      `has ${entries.length} names and ${characters} characters; there may be ${METADATA_NAMES_MAX} names and 2,048 characters together`,
    );
  return Object.fromEntries(entries);
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID */
export function checkedWeight(option: string, given: number | undefined): number {
  if (given === undefined) return WEIGHT_DEFAULT;
  if (!isWeight(given)) throw optionError(option, `is ${valueText(given)}; it must be from 0 to 1,000, with at most three decimals`);
  return given;
}

function nodeOf(join: ClusterOptions['join'], environment: Environment): string | undefined {
  // In a container the name of the host is that of the pod, which is unique; the port would be the same everywhere.
  const { HOSTNAME } = environment;
  return isEnvironment(join) && isNodeName(HOSTNAME) ? HOSTNAME : undefined;
}

function listenOf(given: ListenOptions = {}, join: ClusterOptions['join'], environment: Environment): ResolvedCluster['listen'] {
  checkNames('cluster.listen', given, NAMES['cluster.listen']);
  const inContainer = isEnvironment(join) && isHost(environment['POD_IP']);
  const { host = inContainer ? '0.0.0.0' : '127.0.0.1', advertise = inContainer ? environment['POD_IP'] : undefined } = given;
  if (!isHost(host)) throw optionError('cluster.listen.host', `is ${valueText(host)}; it must be an address of this machine, such as 10.0.0.7 or 0.0.0.0`);
  if (advertise !== undefined && (!isHost(advertise) || isUnspecified(advertise)))
    throw optionError('cluster.listen.advertise', `is ${valueText(advertise)}; it must be a name or an address at which the other nodes reach this one`);
  if (isUnspecified(host) && advertise === undefined)
    throw optionError(
      'cluster.listen.advertise',
      `is needed with the host ${host}: others cannot connect to that; give the name or address at which they reach this node`,
    );
  return {
    host,
    port: whole('cluster.listen.port', given.port, CLUSTER_PORT, 0, 65_535),
    dataPort: whole('cluster.listen.dataPort', given.dataPort, 0, 0, 65_535),
    advertise,
  };
}

function joinOf(given: ClusterOptions['join'], environment: Environment): ResolvedJoin {
  if (given === undefined) return { type: 'none' };
  if (Array.isArray(given)) return seedsOf('cluster.join', given);
  if (typeof given !== 'object' || given === null)
    throw optionError('cluster.join', `is ${valueText(given)}; it must be a list of addresses, such as ['10.0.0.7:7400'], or { type: ... }`);
  const join = given as JoinOptions;
  switch (join.type) {
    case 'static':
      checkNames('cluster.join', join, ['type', 'seeds']);
      return seedsOf('cluster.join.seeds', join.seeds);
    case 'dns':
      checkNames('cluster.join', join, ['type', 'name', 'port', 'intervalMs']);
      return dnsOf('cluster.join', join.name, join.port, join.intervalMs);
    case 'multicast': {
      checkNames('cluster.join', join, ['type', 'group', 'port', 'intervalMs']);
      const { group = MULTICAST_GROUP } = join;
      if (!isMulticast(group))
        throw optionError('cluster.join.group', `is ${valueText(group)}; it must be a multicast address of IPv4, such as ${MULTICAST_GROUP}`);
      return {
        type: 'multicast',
        group,
        port: whole('cluster.join.port', join.port, MULTICAST_PORT, 1, 65_535),
        intervalMs: number('cluster.join.intervalMs', join.intervalMs, 1000, 50, 3_600_000),
      };
    }
    case 'environment':
      checkNames('cluster.join', join, ['type']);
      return environmentJoin(environment);
    default: {
      const { type } = join as { readonly type?: unknown };
      throw optionError(
        'cluster.join',
        `has the type ${valueText(type)}${didYouMean(type, JOIN_TYPES)} It must be ${JOIN_TYPES.join(', ')}`,
        misspelt(type, JOIN_TYPES),
      );
    }
  }
}

function environmentJoin(environment: Environment): ResolvedJoin {
  const seeds = environment['NEXUS_JOIN'];
  const name = environment['NEXUS_CLUSTER_DNS'];
  if (seeds !== undefined && seeds !== '') {
    const texts = seeds.split(',').map((seed) => seed.trim());
    return seedsOf('NEXUS_JOIN', texts);
  }
  if (name !== undefined && name !== '') {
    const address = addressOf(name, CLUSTER_PORT);
    if (address === undefined)
      throw optionError('NEXUS_CLUSTER_DNS', `is ${valueText(name)}; it must be a name, such as shop.default.svc.cluster.local, with or without :port`);
    return dnsOf('NEXUS_CLUSTER_DNS', address.host, address.port, undefined);
  }
  throw optionError(
    'cluster.join',
    "is { type: 'environment' }, and neither NEXUS_JOIN (host:port,...) nor NEXUS_CLUSTER_DNS (the name of a headless service) is set",
  );
}

function seedsOf(option: string, given: readonly unknown[]): ResolvedJoin {
  if (!Array.isArray(given) || given.length > SEEDS_MAX)
    throw optionError(option, `must be a list of at most ${SEEDS_MAX} addresses, such as ['10.0.0.7:7400']`);
  const seeds = given.map((seed, index) => {
    const address = typeof seed === 'string' ? addressOf(seed) : undefined;
    if (address !== undefined) return address;
    // A default would hide a word that was meant to be something else.
    const isHostOnly = typeof seed === 'string' && addressOf(seed, CLUSTER_PORT) !== undefined;
    throw optionError(
      option,
      `has ${valueText(seed)} in place ${index + 1}${isHostOnly ? ', which has no port' : ''}; addresses are HOST:PORT, such as 10.0.0.7:7400, shop-1.internal:7400 or [fd00::7]:7400`,
    );
  });
  return seeds.length === 0 ? { type: 'none' } : { type: 'static', seeds };
}

function dnsOf(option: string, name: unknown, port: number | undefined, intervalMs: number | undefined): ResolvedJoin {
  if (!isHost(name)) throw optionError(`${option}.name`, `is ${valueText(name)}; it must be a name that DNS knows, such as shop.default.svc.cluster.local`);
  return {
    type: 'dns',
    name,
    port: whole(`${option}.port`, port, CLUSTER_PORT, 1, 65_535),
    intervalMs: number(`${option}.intervalMs`, intervalMs, 5000, 100, 3_600_000),
  };
}

function resolverOf(given: ClusterOptions['resolver'] = 'keepMajority'): ResolverOptions {
  const resolver = typeof given === 'string' ? ({ strategy: given } as ResolverOptions) : given;
  if (typeof resolver !== 'object' || resolver === null || Array.isArray(resolver))
    throw optionError('cluster.resolver', `is ${valueText(given)}; it must be ${STRATEGIES.join(', ')}, or { strategy: ... }`);
  const { strategy } = resolver;
  switch (strategy) {
    case 'keepMajority':
    case 'keepOldest':
    case 'downAll':
      checkNames('cluster.resolver', resolver, ['strategy']);
      return { strategy };
    case 'staticQuorum':
      checkNames('cluster.resolver', resolver, ['strategy', 'quorum']);
      if (resolver.quorum === undefined)
        throw optionError('cluster.resolver.quorum', "is needed: so many voters go on, as { strategy: 'staticQuorum', quorum: 3 }");
      return { strategy, quorum: whole('cluster.resolver.quorum', resolver.quorum, 0, 1, 9) };
    case 'keepReferee':
      checkNames('cluster.resolver', resolver, ['strategy', 'referee']);
      if (!isNodeName(resolver.referee)) throw optionError('cluster.resolver.referee', nameMessage(resolver.referee));
      return { strategy, referee: resolver.referee };
    default:
      throw optionError(
        typeof given === 'string' ? 'cluster.resolver' : 'cluster.resolver.strategy',
        `is ${valueText(strategy)}${didYouMean(strategy, STRATEGIES)} It must be ${STRATEGIES.join(', ')}`,
        misspelt(strategy, STRATEGIES),
      );
  }
}

function tlsOf(given: ClusterTlsOptions | undefined): ClusterTlsOptions | undefined {
  if (given === undefined) return undefined;
  checkNames('cluster.tls', given, NAMES['cluster.tls']);
  for (const name of ['certificateFile', 'keyFile', 'authorityFile'] as const)
    if (!isText(given[name], 4096)) throw optionError(`cluster.tls.${name}`, `is ${valueText(given[name])}; it must be the path of a PEM file`);
  if (given.revocationListFile !== undefined && !isText(given.revocationListFile, 4096))
    throw optionError('cluster.tls.revocationListFile', `is ${valueText(given.revocationListFile)}; it must be the path of a PEM file`);
  if (given.serverName !== undefined && !isHost(given.serverName))
    throw optionError('cluster.tls.serverName', `is ${valueText(given.serverName)}; it must be a name that the certificates have`);
  return given;
}

function timingOf(given: ClusterTimingOptions = {}): Required<ClusterTimingOptions> {
  checkNames('cluster.timing', given, NAMES['cluster.timing']);
  const timing = {
    probeIntervalMs: number('cluster.timing.probeIntervalMs', given.probeIntervalMs, 1000, 20, 60_000),
    probeTimeoutMs: number('cluster.timing.probeTimeoutMs', given.probeTimeoutMs, Math.min(500, (given.probeIntervalMs ?? 1000) / 2), 10, 60_000),
    leaseMs: number('cluster.timing.leaseMs', given.leaseMs, 5000, 200, 3_600_000),
    stopMarginMs: number('cluster.timing.stopMarginMs', given.stopMarginMs, 1000, 0, 60_000),
    stalledAfterMs: number('cluster.timing.stalledAfterMs', given.stalledAfterMs, 500, 50, 3_600_000),
  };
  if (timing.probeTimeoutMs > timing.probeIntervalMs)
    throw optionError(
      'cluster.timing.probeTimeoutMs',
      `is ${timing.probeTimeoutMs}; it must not be more than probeIntervalMs, which is ${timing.probeIntervalMs}`,
    );
  if (timing.leaseMs < 2 * timing.probeTimeoutMs)
    throw optionError('cluster.timing.leaseMs', `is ${timing.leaseMs}; it must be at least twice probeTimeoutMs, which is ${timing.probeTimeoutMs}`);
  return timing;
}

function isEnvironment(join: ClusterOptions['join']): boolean {
  return typeof join === 'object' && join !== null && !Array.isArray(join) && (join as JoinOptions).type === 'environment';
}

function nameMessage(value: unknown): string {
  return `is ${valueText(value)}; it must be 1 to 63 letters, digits, '.', '_' and '-', beginning and ending with a letter or digit`;
}

function isText(value: unknown, charactersMax: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= charactersMax && !value.includes('\0');
}

function isHost(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length <= 255 &&
    /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9.])?$|^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(?:%[A-Za-z0-9._-]+)?$/.test(value)
  );
}

function isUnspecified(host: string): boolean {
  return host === '0.0.0.0' || /^[0:]+$/.test(host);
}

function isMulticast(value: unknown): value is string {
  const parts = typeof value === 'string' ? /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(value) : null;
  return parts?.slice(1).every((part) => Number(part) <= 255) === true && Number(parts[1]) >= 224 && Number(parts[1]) <= 239;
}

function number(name: string, value: number | undefined, byDefault: number, min: number, max: number): number {
  if (value === undefined) return byDefault;
  if (!(typeof value === 'number' && value >= min && value <= max)) throw optionError(name, `is ${valueText(value)}; it must be from ${min} to ${max}`);
  return value;
}

function whole(name: string, value: number | undefined, byDefault: number, min: number, max: number): number {
  if (value !== undefined && !Number.isInteger(value)) throw optionError(name, `is ${valueText(value)}; it must be a whole number from ${min} to ${max}`);
  return number(name, value, byDefault, min, max);
}
