/**
 * Who a node of a cluster is, and where: values that travel, and their texts. A node keeps its name from one start to the next; each start is another incarnation of it, with a greater number.
 */

/** Longest name of a node or of a cluster: letters, digits, `.`, `_` and `-`. */
export const NODE_NAME_LENGTH_MAX = 63;
const NODE_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** Longest name of a host in the DNS, or an address with its zone. */
const HOST_LENGTH_MAX = 255;
/** What names and addresses of hosts are written with: nothing of it means anything to HTTP, TLS or the log. */
const HOST = /^[A-Za-z0-9.:_%-]+$/;

/** One start of a node: unique in its cluster for all time. */
export interface NodeIdentity {
  readonly name: string;
  /** A whole number that grows from one start of this node to the next, at most 2^53 - 1. */
  readonly incarnation: number;
}

/** Where a node listens. */
export interface NodeAddress {
  /** A name or an IP address; IPv6 without brackets. */
  readonly host: string;
  /** 1 to 65,535. */
  readonly port: number;
}

export function isNodeName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= NODE_NAME_LENGTH_MAX && NODE_NAME.test(value);
}

/** Whether a host that another node has told may be one: it is dialed, as it is. */
export function isHost(value: string): boolean {
  return value.length <= HOST_LENGTH_MAX && HOST.test(value);
}

export function sameNode(a: NodeIdentity, b: NodeIdentity): boolean {
  return a.name === b.name && a.incarnation === b.incarnation;
}

/** Such as `shop-1#1767225600000`: a key for maps, and for logs. */
export function nodeKey({ name, incarnation }: NodeIdentity): string {
  return `${name}#${incarnation}`;
}

/** Such as `10.0.0.7:7400` or `[fd00::7]:7400`: a key for maps, and for people. */
export function addressText({ host, port }: NodeAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** What `addressText` writes, and a host alone where a default port is given. Undefined if it is none. */
export function addressOf(text: string, defaultPort?: number): NodeAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.%a-z]+)\]|([^:[\]\s/@]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  return host === undefined || port === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}
