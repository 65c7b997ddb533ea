/** Bytes of the registry: what is written is read again, and whatever else is there is refused or skipped. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { NexusError } from '../../../../dist/ts-src/errors.js';
import type { Registration } from '../../../../dist/ts-src/model/registration.js';
import { ByteReader } from '../../../../dist/ts-src/protocols/bytes/byte-reader.js';
import { ByteWriter } from '../../../../dist/ts-src/protocols/bytes/byte-writer.js';
import { Recurring } from '../../../../dist/ts-src/protocols/bytes/recurring.js';
import { decodedFrame, encodedMessage } from '../../../../dist/ts-src/protocols/registry/registry-codec.js';
import type { RegistryMessage } from '../../../../dist/ts-src/protocols/registry/registry-messages.js';

const host = { name: 'shop-1', incarnation: 1_767_225_600_000 };
const registration: Registration = { id: 'ünï', kind: 'k', host, token: 2 ** 40 + 5, life: 2 ** 40, placement: 'ring', init: new Uint8Array([1, 2, 3]) };
const plain: Registration = { ...registration, id: 'b', placement: 'pinned', init: undefined };
const digest = { count: 3, low: 0xffff_ffff, high: 1 };
const version = { partition: 4095, epoch: 7, sequence: 2 ** 33 };
const MESSAGES: readonly RegistryMessage[] = [
  { type: 'register', view: 3, request: 9, id: 'a', kind: 'k', placement: 'pinned', init: new Uint8Array(300), released: 2 ** 41 },
  { type: 'lookup', view: 3, request: 9, id: 'a' },
  { type: 'release', view: 3, request: 9, id: 'a', token: 5 },
  { type: 'handOver', view: 3, request: 9, id: 'a', token: 5, life: 4, since: 2, to: host },
  { type: 'take', view: 3, request: 9, registration },
  { type: 'granted', view: 3, request: 9, registration },
  { type: 'taken', view: 3, request: 9, registration: plain },
  { type: 'found', view: 3, request: 9, registration: undefined },
  { type: 'found', view: 3, request: 9, registration },
  { type: 'done', view: 3, request: 9, registration },
  { type: 'returned', view: 3, request: 9, registration, mayHaveRun: true },
  ...(['freed', 'stale', 'later'] as const).map((type): RegistryMessage => ({ type, view: 0, request: 1, id: 'a' })),
  { type: 'confirm', view: 3, id: 'a', token: 8 },
  { type: 'offered', view: 3, registration, source: undefined },
  { type: 'offered', view: 3, registration, source: host },
  { type: 'superseded', view: 3, registration },
  { type: 'served', view: 3 },
  { type: 'claim', view: 3, attempt: 4, items: [{ ...version, digest }] },
  {
    ...{ type: 'report', view: 3, attempt: 4, isLast: true },
    items: [
      {
        ...{ ...version, part: 1, parts: 2, isSame: false, lastToken: 77 },
        activations: (['running', 'leaving', 'taking', 'released'] as const).map((state) => ({ state, registration })),
        orphans: [{ registration: plain, isIdle: true }],
      },
    ],
  },
  {
    ...{ type: 'delta', view: 3 },
    items: [
      { ...version, registration, isIdle: true, id: registration.id, token: registration.token },
      { ...version, registration: undefined, isIdle: false, id: 'gone', token: 5 },
    ],
  },
  { type: 'digest', view: 3, items: [{ ...version, digest }] },
  { type: 'state', view: 3, items: [{ ...version, lastToken: 9, part: 0, parts: 1, entries: [{ isIdle: false, registration }] }] },
  { type: 'agreed', view: 3, items: [version] },
  { type: 'pull', view: 3, partitions: [0, 4095] },
];

function encodedFrame(messages: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter(2 ** 21);
  for (const message of messages) writer.bytes(message);
  return writer.take();
}

test('every message is read as it was written, many in one frame', () => {
  for (const message of MESSAGES) expect(decodedFrame(encodedFrame([encodedMessage(message)]))).toEqual([message]);
  expect(decodedFrame(encodedFrame(MESSAGES.map((message) => encodedMessage(message))))).toEqual(MESSAGES);
});

test('messages are written in the same memory one after the other, and names that come again are the same strings and nodes', () => {
  const writer = new ByteWriter(2 ** 20);
  const frame = new ByteWriter(2 ** 21);
  for (const message of MESSAGES) frame.bytes(encodedMessage(message, writer));
  const recurring = new Recurring();
  const first = decodedFrame(frame.take(), recurring);
  expect(first).toEqual(MESSAGES);
  expect(decodedFrame(frame.take())).toEqual(MESSAGES);
  const hosts = new Set<unknown>();
  for (const message of [...first, ...decodedFrame(frame.take(), recurring)]) if (message.type === 'granted') hosts.add(message.registration.host);
  expect(hosts.size).toBe(1);
});

test('names that share a place in the table of recurring ones, or are no ASCII, are read as what they are', () => {
  const recurring = new Recurring();
  const names = Array.from({ length: 2000 }, (_, index) => (index % 7 === 0 ? `kind-é${index % 50}` : `kind-${index % 500}`));
  for (const name of names) {
    const writer = new ByteWriter(1024).text(name);
    expect(new ByteReader(writer.take(), 0, writer.length, recurring).name(64)).toBe(name);
    const node = { name: `n${name.length}`, incarnation: name.charCodeAt(5) * 251 };
    recurring.keep(node);
    expect(recurring.node(node.name, node.incarnation)).toBe(node);
    expect(recurring.node(node.name, node.incarnation + 251)).toBe(undefined);
  }
});

test('a message of a later version is skipped', () => {
  const served = encodedMessage({ type: 'served', view: 3 });
  expect(decodedFrame(encodedFrame([new Uint8Array([200, 1, 2, 3]), served]))).toEqual([{ type: 'served', view: 3 }]);
});

test('bytes that are no frame are refused with a code, whatever they are', () => {
  const bytes = encodedFrame(MESSAGES.map((message) => encodedMessage(message)));
  const refusal = (damaged: Uint8Array): unknown => {
    try {
      decodedFrame(damaged);
      return 'understood';
    } catch (error) {
      return error instanceof NexusError ? error.code : error;
    }
  };
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.nat(bytes.length), (at, byte, length) => {
      const damaged = bytes.slice();
      damaged[at] = byte;
      for (const each of [damaged, bytes.subarray(0, length)]) expect(['understood', 'NEXUS_FRAME_INVALID']).toContain(refusal(each));
    }),
    { numRuns: 2000 },
  );
  expect(refusal(bytes.subarray(0, bytes.length - 1))).toBe('NEXUS_FRAME_INVALID');
});
