/** The bytes of what a node says of itself (`NodeDescription`), which the failure detector carries and does not look into. */
import type { NodeDescription } from './membership.js';
import { ByteReader } from '../bytes/byte-reader.js';
import { ByteWriter } from '../bytes/byte-writer.js';
import { METADATA_BYTES_MAX } from '../swim/swim-messages.js';
import { readAddress, writeAddress } from './identity-codec.js';

const NAMES_MAX = 64;
const THREADS_MAX = 1024;
const VERSION_BYTES_MAX = 64;

/** Throws NEXUS_MESSAGE_TOO_LARGE if it has more than METADATA_BYTES_MAX. */
export function encodeDescription({ dataAddress, version, metadata, stalledThreads }: NodeDescription): Uint8Array {
  const writer = new ByteWriter(METADATA_BYTES_MAX).flag(dataAddress !== undefined);
  if (dataAddress !== undefined) writeAddress(writer, dataAddress);
  writer.text(version).list(Object.entries(metadata), ([name, value]) => writer.text(name).text(value));
  return writer.list(stalledThreads, (thread) => writer.unsigned(thread)).take();
}

/** Throws NEXUS_FRAME_INVALID. */
export function decodeDescription(bytes: Uint8Array): NodeDescription {
  const reader = new ByteReader(bytes);
  const dataAddress = reader.flag() ? readAddress(reader) : undefined;
  const version = reader.text(VERSION_BYTES_MAX);
  const entries = reader.list(NAMES_MAX, (): [string, string] => [reader.text(METADATA_BYTES_MAX), reader.text(METADATA_BYTES_MAX)]);
  const stalledThreads = reader.list(THREADS_MAX, () => reader.unsigned(0xffff));
  reader.done();
  // fromEntries defines own properties: a name such as __proto__ is one like any other.
  return { dataAddress, version, metadata: Object.fromEntries(entries), stalledThreads };
}
