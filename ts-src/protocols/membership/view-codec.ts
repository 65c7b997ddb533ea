/** The bytes of what nodes say to each other about views (`views/view-messages.ts`). */
import { NODE_NAME_LENGTH_MAX } from '../../model/node-identity.js';
import { type ByteReader, invalid } from '../bytes/byte-reader.js';
import type { ByteWriter } from '../bytes/byte-writer.js';
import {
  type DepartureReason,
  INCARNATION_MAX,
  type Joiner,
  JOINS_MAX,
  MEMBERS_MAX,
  type View,
  type ViewChange,
  type ViewMember,
  WEIGHT_DEFAULT,
  WEIGHT_MAX,
  WEIGHT_STEPS,
} from '../views/view.js';
import { REDIRECTS_MAX, type ViewMessage } from '../views/view-messages.js';
import { readAddress, readIdentity, writeAddress, writeIdentity } from './identity-codec.js';

/** Places in these lists are on the wire: only ever add to their ends. */
export const VIEW_TYPES = [
  ...(['join', 'joinFor', 'redirect', 'alone', 'refusal', 'foundRequest', 'foundGrant', 'foundRelease', 'prepare', 'promise', 'accept', 'accepted'] as const),
  ...(['superseded', 'decided', 'whole', 'pull', 'leave', 'removed', 'weigh'] as const),
] as const satisfies readonly ViewMessage['type'][];
const REASONS: readonly DepartureReason[] = ['left', 'gone', 'removed'];
const SETTINGS_BYTES_MAX = 512;
const CLUSTER_ID_BYTES_MAX = 32;
const TEXT_BYTES_MAX = 512;

export function writeViewMessage(writer: ByteWriter, message: ViewMessage): void {
  writeRest(writer, message);
  writeWeights(writer, message);
}

function writeRest(writer: ByteWriter, message: ViewMessage): void {
  switch (message.type) {
    case 'join':
      writer.text(message.cluster).text(message.settings);
      writeAddress(writer, message.address);
      return writeAddress(writer, message.to);
    case 'joinFor':
      return writeJoiner(writer, message.joiner);
    case 'redirect':
      writer.text(message.cluster).list(message.members, (address) => writeAddress(writer, address));
      return;
    case 'alone':
      return writeAddress(writer, message.to);
    case 'refusal':
      writer.text(message.code).text(message.because).unsigned(message.incarnation);
      return;
    case 'foundRequest':
      writer.text(message.cluster).text(message.settings).text(message.clusterId);
      writeAddress(writer, message.address);
      return writeAddress(writer, message.to);
    case 'foundGrant':
      writer.text(message.clusterId);
      return writeAddress(writer, message.to);
    case 'foundRelease':
      writer.text(message.clusterId);
      return;
    case 'prepare':
    case 'accepted':
    case 'superseded':
      writer.unsigned(message.number).unsigned(message.ballot);
      return;
    case 'promise':
      writer
        .unsigned(message.number)
        .unsigned(message.ballot)
        .flag(message.accepted !== undefined);
      if (message.accepted !== undefined) {
        writer.unsigned(message.accepted.ballot);
        writeChange(writer, message.accepted.change);
      }
      writer.list(message.removable, (node) => writeIdentity(writer, node));
      return;
    case 'accept':
      writer.unsigned(message.ballot);
      return writeChange(writer, message.change);
    case 'decided':
      return writeChange(writer, message.change);
    case 'whole':
      return writeView(writer, message.view);
    case 'pull':
      writer.unsigned(message.number);
      return;
    case 'leave':
      writer.flag(message.isFenced);
      return;
    case 'removed':
      writer.unsigned(message.number).flag(message.byName);
      return;
    case 'weigh':
      writeWeight(writer, message.weight);
  }
}

export function readViewMessage(reader: ByteReader, type: ViewMessage['type']): ViewMessage {
  return readWeights(reader, readRest(reader, type));
}

function readRest(reader: ByteReader, type: ViewMessage['type']): ViewMessage {
  switch (type) {
    case 'join': {
      const cluster = reader.text(NODE_NAME_LENGTH_MAX);
      const settings = reader.text(SETTINGS_BYTES_MAX);
      const address = readAddress(reader);
      return { type, cluster, settings, address, to: readAddress(reader), weight: WEIGHT_DEFAULT };
    }
    case 'joinFor':
      return { type, joiner: readJoiner(reader) };
    case 'redirect':
      return { type, cluster: reader.text(NODE_NAME_LENGTH_MAX), members: reader.list(REDIRECTS_MAX, () => readAddress(reader)) };
    case 'alone':
      return { type, to: readAddress(reader) };
    case 'refusal': {
      const code = reader.text(64);
      if (!/^NEXUS_[A-Z_]{1,58}$/.test(code)) return invalid('a refusal with a code that is none');
      return { type, code, because: reader.text(TEXT_BYTES_MAX), incarnation: reader.unsigned(INCARNATION_MAX) };
    }
    case 'foundRequest': {
      const cluster = reader.text(NODE_NAME_LENGTH_MAX);
      const settings = reader.text(SETTINGS_BYTES_MAX);
      const clusterId = readClusterId(reader);
      const address = readAddress(reader);
      return { type, cluster, settings, clusterId, address, to: readAddress(reader) };
    }
    case 'foundGrant':
      return { type, clusterId: readClusterId(reader), to: readAddress(reader) };
    case 'foundRelease':
      return { type, clusterId: readClusterId(reader) };
    case 'prepare':
    case 'accepted':
    case 'superseded':
      return { type, number: reader.unsigned(), ballot: reader.unsigned() };
    case 'promise': {
      const number = reader.unsigned();
      const ballot = reader.unsigned();
      const accepted = reader.flag() ? { ballot: reader.unsigned(), change: readChange(reader) } : undefined;
      return { type, number, ballot, accepted, removable: reader.list(MEMBERS_MAX, () => readIdentity(reader)) };
    }
    case 'accept':
      return { type, ballot: reader.unsigned(), change: readChange(reader) };
    case 'decided':
      return { type, change: readChange(reader) };
    case 'whole':
      return { type, view: readView(reader) };
    case 'pull':
      return { type, number: reader.unsigned() };
    case 'leave':
      return { type, isFenced: reader.flag() };
    case 'removed':
      return { type, number: reader.unsigned(), byName: reader.flag() };
    case 'weigh':
      return { type, weight: readWeight(reader) };
  }
}

/**
 * Weights are behind everything else, and only where any is not 1: so nodes of before there were weights, which know none, understand all others. What is behind a change is the weights of those who join in
 * their order, and then who is to have another one.
 */
function writeWeights(writer: ByteWriter, message: ViewMessage): void {
  switch (message.type) {
    case 'join':
      return writeOthers(writer, [message]);
    case 'joinFor':
      return writeOthers(writer, [message.joiner]);
    case 'promise':
      return message.accepted === undefined ? undefined : writeChangedWeights(writer, message.accepted.change);
    case 'accept':
    case 'decided':
      return writeChangedWeights(writer, message.change);
    case 'whole':
      return writeOthers(writer, message.view.members);
    default:
      return;
  }
}

function writeOthers(writer: ByteWriter, weighted: readonly { readonly weight: number }[]): void {
  if (weighted.some(({ weight }) => weight !== WEIGHT_DEFAULT)) for (const { weight } of weighted) writeWeight(writer, weight);
}

function writeChangedWeights(writer: ByteWriter, { joined, weighed }: ViewChange): void {
  if (weighed.length === 0) return writeOthers(writer, joined);
  for (const { weight } of joined) writeWeight(writer, weight);
  writer.list(weighed, (weighing) => {
    writeIdentity(writer, weighing);
    writeWeight(writer, weighing.weight);
  });
}

function readWeights(reader: ByteReader, message: ViewMessage): ViewMessage {
  if (reader.remaining === 0) return message;
  switch (message.type) {
    case 'join':
      return { ...message, weight: readOther(reader) };
    case 'joinFor':
      return { ...message, joiner: { ...message.joiner, weight: readOther(reader) } };
    case 'promise':
      return message.accepted === undefined
        ? message
        : { ...message, accepted: { ballot: message.accepted.ballot, change: readChangedWeights(reader, message.accepted.change) } };
    case 'accept':
    case 'decided':
      return { ...message, change: readChangedWeights(reader, message.change) };
    case 'whole':
      return { ...message, view: { ...message.view, members: readOthers(reader, message.view.members) } };
    default:
      return message;
  }
}

function readOther(reader: ByteReader): number {
  const weight = readWeight(reader);
  return weight === WEIGHT_DEFAULT ? needless() : weight;
}

function readOthers<T extends { readonly weight: number }>(reader: ByteReader, weighted: readonly T[]): readonly T[] {
  const read = weighted.map((each) => ({ ...each, weight: readWeight(reader) }));
  return read.every(({ weight }) => weight === WEIGHT_DEFAULT) ? needless() : read;
}

function readChangedWeights(reader: ByteReader, change: ViewChange): ViewChange {
  const joined = change.joined.map((joiner) => ({ ...joiner, weight: readWeight(reader) }));
  if (reader.remaining === 0) return joined.every(({ weight }) => weight === WEIGHT_DEFAULT) ? needless() : { ...change, joined };
  const weighed = reader.list(MEMBERS_MAX, () => {
    const { name, incarnation } = readIdentity(reader);
    return { name, incarnation, weight: readWeight(reader) };
  });
  return weighed.length === 0 || new Set(weighed.map(({ name }) => name)).size < weighed.length ? needless() : { ...change, joined, weighed };
}

/** One way to write each message. */
function needless(): never {
  return invalid('weights that need not be said, or are said twice');
}

function writeWeight(writer: ByteWriter, weight: number): void {
  writer.unsigned(Math.round(weight * WEIGHT_STEPS));
}

function readWeight(reader: ByteReader): number {
  return reader.unsigned(WEIGHT_MAX * WEIGHT_STEPS) / WEIGHT_STEPS;
}

function writeJoiner(writer: ByteWriter, joiner: Joiner): void {
  writeIdentity(writer, joiner);
  writeAddress(writer, joiner.address);
}

function readJoiner(reader: ByteReader): Joiner {
  const { name, incarnation } = readIdentity(reader);
  if (incarnation === 0 || incarnation > INCARNATION_MAX) return invalid(`an incarnation of ${incarnation}`);
  return { name, incarnation, address: readAddress(reader), weight: WEIGHT_DEFAULT };
}

function writeChange(writer: ByteWriter, { number, departed, joined }: ViewChange): void {
  writer.unsigned(number).list(departed, (departure) => {
    writeIdentity(writer, departure);
    writer.u8(REASONS.indexOf(departure.reason));
  });
  writer.list(joined, (joiner) => writeJoiner(writer, joiner));
}

function readChange(reader: ByteReader): ViewChange {
  const number = reader.unsigned();
  const departed = reader.list(MEMBERS_MAX, () => {
    const { name, incarnation } = readIdentity(reader);
    return { name, incarnation, reason: REASONS[reader.u8()] ?? invalid('an unknown reason to depart') };
  });
  return { number, departed, joined: reader.list(JOINS_MAX, () => readJoiner(reader)), weighed: [] };
}

function writeView(writer: ByteWriter, { clusterId, number, incarnationFloor, members }: View): void {
  writer.text(clusterId).unsigned(number).unsigned(incarnationFloor);
  writer.list(members, (member) => {
    writeJoiner(writer, member);
    writer.flag(member.status === 'leaving').unsigned(member.sinceView);
  });
}

function readView(reader: ByteReader): View {
  const clusterId = readClusterId(reader);
  const number = reader.unsigned();
  const incarnationFloor = reader.unsigned(INCARNATION_MAX);
  const names = new Set<string>();
  const members = reader.list(MEMBERS_MAX, (): ViewMember => {
    const joiner = readJoiner(reader);
    names.add(joiner.name);
    return { ...joiner, status: reader.flag() ? 'leaving' : 'up', sinceView: reader.unsigned(number) };
  });
  const isOrdered = members.every((member, at) => {
    const before = members[at - 1];
    return before === undefined || before.sinceView < member.sinceView || (before.sinceView === member.sinceView && before.name < member.name);
  });
  if (members.length === 0 || names.size < members.length || !isOrdered) return invalid('a view without members, with one twice, or not in order of their age');
  return { clusterId, number, members, incarnationFloor };
}

function readClusterId(reader: ByteReader): string {
  const clusterId = reader.text(CLUSTER_ID_BYTES_MAX);
  return clusterId === '' ? invalid('a cluster without an id') : clusterId;
}
