/** The bytes of who a node is and where: parts of the messages of memberships. */
import { isHost, isNodeName, NODE_NAME_LENGTH_MAX, type NodeAddress, type NodeIdentity } from '../../model/node-identity.js';
import { type ByteReader, invalid } from '../bytes/byte-reader.js';
import type { ByteWriter } from '../bytes/byte-writer.js';

/** Longest name of a host in the DNS, or an address with its zone. */
const HOST_BYTES_MAX = 255;

export function writeIdentity(writer: ByteWriter, { name, incarnation }: NodeIdentity): void {
  writer.text(name).unsigned(incarnation);
}

export function readIdentity(reader: ByteReader): NodeIdentity {
  const { recurring } = reader;
  if (recurring === undefined) {
    const name = readName(reader);
    return { name, incarnation: reader.unsigned() };
  }
  const name = reader.name(NODE_NAME_LENGTH_MAX);
  const incarnation = reader.unsigned();
  const known = recurring.node(name, incarnation);
  if (known !== undefined) return known;
  const node: NodeIdentity = { name: checkedName(name), incarnation };
  recurring.keep(node);
  return node;
}

export function readName(reader: ByteReader): string {
  return checkedName(reader.text(NODE_NAME_LENGTH_MAX));
}

function checkedName(name: string): string {
  return isNodeName(name) ? name : invalid('a name that no node may have');
}

export function writeAddress(writer: ByteWriter, { host, port }: NodeAddress): void {
  writer.text(host).unsigned(port);
}

export function readAddress(reader: ByteReader): NodeAddress {
  const host = reader.text(HOST_BYTES_MAX);
  const port = reader.unsigned(65_535);
  if (host === '' || port === 0) return invalid('an address without a host or a port');
  return isHost(host) ? { host, port } : invalid('the host of an address has other characters than names and addresses have');
}
