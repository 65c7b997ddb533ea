/** `docs/wire.md` is true: its tables are those of the code, and frames that are made by its text alone are the recorded ones. */
import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { FrameType } from '../../../../dist/ts-src/protocols/wire/frame-format.js';
import { REFUSAL_REASONS } from '../../../../dist/ts-src/protocols/wire/refusal.js';
import { GOODBYE_REASONS } from '../../../../dist/ts-src/protocols/wire/session-events.js';
import * as limits from '../../../../dist/ts-src/protocols/wire/wire-limits.js';
import { recorded } from '../../../fixtures/wire/record.mjs';
import { HOSTILE_CASES } from './hostile-frames.js';

const page = readFileSync(new URL('../../../../docs/wire.md', import.meta.url), 'utf8');
const section = (title: string): string => page.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
const fixture = (name: string): Buffer => Buffer.from(recorded().find((frame) => frame.name === name)?.bytes as Uint8Array);

test('the page has every reason of a refusal and of a goodbye, every type of frame and every violation, with their numbers', () => {
  const reasons = [...page.matchAll(/^\| (\d+) `(\w+)` \|/gm)].map(([, number, name]) => [Number(number), name]);
  expect(reasons.sort((a, b) => Number(a[0]) - Number(b[0]))).toEqual(REFUSAL_REASONS.map((name, number) => [number, name]));
  const types = [...section('Frames').matchAll(/(\d) (batch|fragment|receipt|ping|pong|goodbye|datagram|superseded)(?= \||,)/g)].map(([, number, name]) => [
    name,
    Number(number),
  ]);
  expect(Object.fromEntries(types)).toEqual(FrameType);
  const goodbyes = /The others end the session at once: ([^.]*)\./.exec(page.replace(/\n/g, ' '))?.[1] ?? '';
  for (const [number, name] of GOODBYE_REASONS.entries()) if (number > 0) expect(goodbyes).toMatch(new RegExp(`${number} ${name}`));
  const violations = new Set([...section('Violations').matchAll(/`(\w+)`/g)].map(([, name]) => name));
  const seen = HOSTILE_CASES.filter(({ code, stage, detail }) => code === 'NEXUS_FRAME_INVALID' && stage === 'open' && detail !== undefined).map(
    ({ detail }) => detail as string,
  );
  expect([...new Set(seen)].filter((name) => !violations.has(name))).toEqual([]);
});

test('the limits of the page are those of the code', () => {
  const text = section('Limits').replace(/,/g, '');
  const { control: _, ...rest } = limits.sessionLimits('data').waiting;
  const data = limits.sessionLimits('data');
  for (const value of [
    ...[
      limits.FRAME_BYTES_MAX,
      limits.FRAME_BYTES_MIN,
      limits.HANDSHAKE_FRAME_BYTES_MAX,
      limits.HANDSHAKE_BYTES_MAX,
      limits.BATCH_MESSAGES_MAX,
      limits.REASON_BYTES_MAX,
      limits.SHAPES_REGISTERED_MAX,
      limits.SUPERSEDED_MAX,
    ],
    ...[data.credit.normal.messages, data.credit.bulk.messages, rest.normal.messages, rest.bulk.messages],
  ])
    expect(text).toMatch(new RegExp(`\\b${value}\\b`));
  expect(text).toContain(`${data.messageBytes / 1_048_576} MiB; at most 1 GiB`);
  expect(text).toContain(`${data.keepaliveMs / 1000} s ${data.deadAfterMs / 1000} s without a frame`);
  expect(text).toContain(`${data.credit.normal.bytes / 1_048_576} MiB and`);
});

const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const varint = (value: number): Buffer => Buffer.from(value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))]);
const nonces = [Buffer.from(Array.from({ length: 16 }, (_, index) => index)), Buffer.from(Array.from({ length: 16 }, (_, index) => 255 - index))] as const;

test('a hello that is made by the text of the page is the recorded one', () => {
  const body = Buffer.concat([
    ...[Buffer.from('NXSW'), Buffer.from([0]), varint(1), varint(1), Buffer.from([1]), text('fixtures'), text('c-1'), text('alpha'), varint(1)],
    ...[text('alpha.example'), varint(7401), text(''), varint(0), Buffer.from([16]), nonces[0], varint(65_536), varint(67_108_864)],
    ...[varint(4_194_304), varint(65_536), varint(16_777_216), varint(16_384), varint(1), Buffer.from([1]), varint(0)],
  ]);
  expect(Buffer.concat([body, u32(crc32(body))]).toString('hex')).toBe(fixture('01-hello').toString('hex'));
  const confirmation = Buffer.concat([Buffer.from('NXSW'), Buffer.from([2, 16]), nonces[1]]);
  expect(Buffer.concat([confirmation, u32(crc32(confirmation))]).toString('hex')).toBe(fixture('03-confirm').toString('hex'));
});

test('frames that are made by the text of the page are the recorded ones', () => {
  const salt = (side: number): number => crc32(Buffer.concat([...nonces, Buffer.from([side])]));
  const frame = (side: number, type: number, lane: number, number: number, body: Buffer): string => {
    const head = Buffer.concat([Buffer.from([type, lane, 0, 0]), u32(body.length), u32(number)]);
    return Buffer.concat([head, u32(crc32(Buffer.concat([head, body]), salt(side))), body]).toString('hex');
  };
  expect(frame(1, 4, 0, 0, u32(1))).toBe(fixture('04-ping').toString('hex'));
  expect(frame(2, 5, 0, 0, u32(1))).toBe(fixture('05-pong').toString('hex'));
  expect(frame(1, 7, 0, 0, Buffer.from([1, 2, 3]))).toBe(fixture('16-datagram').toString('hex'));
  // { term: 1 }: an object of one key, a text of four letters, 1.
  const value = Buffer.from([0x81, 0xa4, ...Buffer.from('term'), 1]);
  expect(frame(1, 1, 0, 3, Buffer.concat([Buffer.from([0, 0]), u32(value.length), value]))).toBe(fixture('09-batch-control').toString('hex'));
  expect(frame(1, 6, 0, fixture('18-goodbye').readUInt32LE(8), Buffer.from([0, 0]))).toBe(fixture('18-goodbye').toString('hex'));
});
