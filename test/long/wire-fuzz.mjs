/**
 * A fuzzer of the session between two nodes: sequences of frames, made of the recorded ones and of a grammar, changed at random, with right checksums and numbers (mostly), so that they come to
 * where there is something to break. Guided by coverage: a sequence that reaches a place in the code that none has reached is kept, and changed further. `node test/long/wire-fuzz.mjs
 * [seconds] [seed]` runs for a while; `test/unit/protocols/wire/fuzz.test.ts` a little.
 *
 * What is checked: nothing is thrown, every end and refusal has a code of the catalogue, nothing comes after the end, memory of fragments is given back, no prototype changes, nothing takes longer than a second of processor.
 */
import inspector from 'node:inspector';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { shape } from 'nexus-agents';
import { checksum, frameOf, frameSalt } from '../../dist/ts-src/protocols/wire/frame-format.js';
import { decodeHandshake, encodeHandshake } from '../../dist/ts-src/protocols/wire/handshake-messages.js';
import { MessageCodec } from '../../dist/ts-src/protocols/wire/message-codec.js';
import { ReassemblyBudget } from '../../dist/ts-src/protocols/wire/reassembly-budget.js';
import { Session } from '../../dist/ts-src/protocols/wire/session.js';
import { sessionLimits } from '../../dist/ts-src/protocols/wire/wire-limits.js';
import { record } from '../fixtures/wire/record.mjs';

const CODES = new Set(['NEXUS_FRAME_INVALID', 'NEXUS_HANDSHAKE_REFUSED', 'NEXUS_VERSION_UNSUPPORTED', 'NEXUS_CONNECTION_LOST']);
const REFUSAL_CODES = new Set(['NEXUS_FRAME_INVALID', 'NEXUS_SHAPE_UNKNOWN', 'NEXUS_MESSAGE_CORRUPT', 'NEXUS_MESSAGE_TOO_LARGE']);
const BATCH = 128;
const CORPUS_MAX = 4000;
const LIMITS = sessionLimits('data', {
  messageBytes: 200_000,
  credit: { normal: { bytes: 200_000, messages: 2048 }, bulk: { bytes: 400_000, messages: 2048 } },
});
const SHAPES = [
  shape.object({
    id: shape.uint32,
    name: shape.string,
    tags: shape.array(shape.string),
    at: shape.date,
    raw: shape.bytes,
    more: shape.optional(shape.tuple(shape.float64, shape.nullable(shape.bigint64))),
  }),
  shape.array(shape.enumeration('a', 'b')),
];

/** @param limit `{ seconds }` or `{ executions }` */
export async function fuzz({ seconds = Number.POSITIVE_INFINITY, executions = Number.POSITIVE_INFINITY, seed = 1, guided = true, report = () => undefined }) {
  const random = randomOf(seed);
  const codec = new MessageCodec({ isReference: () => false });
  for (const each of SHAPES) codec.register(each);
  const corpus = seeds(codec);
  const coverage = guided ? new Coverage() : undefined;
  const findings = [];
  const ended = new Map();
  const prototypes = [Object.prototype, Array.prototype, Error.prototype, Map.prototype];
  const before = prototypes.map((prototype) => Object.getOwnPropertyNames(prototype).length);
  const beganMs = performance.now();
  let done = 0;
  const execute = (input) => {
    done++;
    const finding = (what, error) =>
      findings.push({
        what,
        error: error?.stack ?? String(error),
        input: JSON.stringify(input.map((frame) => ({ ...frame, body: Buffer.from(frame.body).toString('hex') }))),
      });
    const started = process.cpuUsage();
    try {
      const outcome = run(input, codec, finding);
      ended.set(outcome, (ended.get(outcome) ?? 0) + 1);
    } catch (error) {
      finding('thrown', error);
    }
    // Of the processor: a busy machine is no finding.
    const { user, system } = process.cpuUsage(started);
    if (user + system > 1_000_000) finding('slow', `${(user + system) / 1000} ms`);
    prototypes.forEach((prototype, index) => {
      if (Object.getOwnPropertyNames(prototype).length !== before[index]) finding('prototype', 'a prototype has changed');
    });
  };
  while (done < executions && performance.now() - beganMs < seconds * 1000 && findings.length < 20) {
    const inputs = Array.from({ length: BATCH }, () => mutated(corpus, random, codec));
    for (const input of inputs) execute(input);
    if (coverage === undefined || !(await coverage.isNew())) continue;
    // One of them has reached something new. To find out which would cost more runs than keeping a part of them.
    for (const input of inputs) {
      if (corpus.length < CORPUS_MAX && random() < 0.1) corpus.push(input);
    }
    report({ done, corpus: corpus.length, places: coverage.places });
  }
  coverage?.end();
  return {
    executions: done,
    findings,
    corpus: corpus.length,
    places: coverage?.places ?? 0,
    ended: Object.fromEntries([...ended].sort((a, b) => b[1] - a[1])),
  };
}

/** One execution. */
export function run(input, codec, finding) {
  const budget = new ReassemblyBudget(300_000);
  const ends = [];
  const refused = [];
  let messages = 0;
  let datagrams = 0;
  const listener = {
    ...{ opened: () => undefined, drained: () => undefined },
    message: ({ value }) => {
      messages++;
      if (ends.length > 0) finding('message after the end', '');
      walk(value);
      // Talks back, as programs do.
      if (messages % 7 === 0) session.send('normal', 1, { messages });
    },
    datagram: () => datagrams++,
    refused: (error) => {
      refused.push(error);
      if (!REFUSAL_CODES.has(error.code)) finding('refusal without a code', error);
    },
    closed: ({ error }) => {
      ends.push(error);
      if (error !== undefined && !CODES.has(error.code)) finding('end without a code', error);
      if (ends.length > 1) finding('two ends', error);
    },
  };
  const session = new Session(
    {
      ...{ purpose: 'data', cluster: 'fuzz', self: { name: 'node', incarnation: 1 }, address: { host: 'h', port: 1 }, limits: LIMITS, codec, budget },
      ...{ compression: { bytesMin: 1000 }, accept: () => undefined },
    },
    listener,
  );
  let nowMs = 0;
  session.start({ role: 'acceptor', nonce: NONCES.node, certifiedNames: undefined }, nowMs);
  if (input[0].early) {
    for (const { body } of input) {
      session.received(body, nowMs);
      while (session.nextFrame(nowMs) !== undefined);
    }
  } else {
    session.received(HELLO, nowMs);
    const welcome = session.nextFrame(nowMs);
    session.received(encodeHandshake({ type: 'confirm', echo: decodeHandshake(welcome).introduction.nonce }), nowMs);
    let sequence = 0;
    for (const { type, lane, flags, body, isRaw, isSkipped } of input) {
      nowMs += 3;
      const number = type === 7 ? 0 : isSkipped ? sequence + 5 : sequence++;
      session.received(isRaw ? body : frameOf(type, lane, flags, number, SALT, body), nowMs);
      session.tick(nowMs);
      while (session.nextFrame(nowMs) !== undefined);
    }
  }
  const outcome =
    ends[0]?.data?.violation ??
    ends[0]?.data?.reason ??
    (ends.length > 0 ? 'ended' : refused.length > 0 ? 'refused' : messages + datagrams > 0 ? 'delivered' : 'nothing');
  if (ends.length === 0) session.disconnected('over');
  if (budget.takenBytes !== 0) finding('memory of fragments is kept', budget.takenBytes);
  session.statistics();
  return outcome;
}

/** Looks at everything once, as a program does. */
function walk(value, depth = 0, seen = new Set()) {
  if (typeof value !== 'object' || value === null || seen.has(value) || depth > 50 || seen.size > 5000) return;
  seen.add(value);
  if (value instanceof Map) for (const [key, part] of value) walk(key, depth + 1, seen) ?? walk(part, depth + 1, seen);
  else if (value instanceof Set || Array.isArray(value)) for (const part of value) walk(part, depth + 1, seen);
  else if (!ArrayBuffer.isView(value)) for (const key of Object.keys(value)) walk(value[key], depth + 1, seen);
}

const NONCES = { raw: new Uint8Array(16).fill(1), node: new Uint8Array(16).fill(2) };
const SALT = frameSalt(NONCES.raw, NONCES.node, true);
const HELLO = encodeHandshake({
  type: 'hello',
  introduction: {
    ...{ versionMin: 1, versionMax: 1, purpose: 'data', cluster: 'fuzz', clusterId: undefined, identity: { name: 'raw', incarnation: 1 }, expected: undefined },
    ...{ address: { host: 'h', port: 9 }, nonce: NONCES.raw, frameBytes: 65_536, messageBytes: 1_000_000, features: 1, littleEndian: true },
    credit: { normal: { bytes: 1_000_000, messages: 65_536 }, bulk: { bytes: 1_000_000, messages: 65_536 } },
  },
});

/** What mutation begins with. */
function seeds(codec) {
  const corpus = [];
  for (const { bytes } of record()) {
    if (bytes[0] === 0x4e)
      corpus.push(
        [{ early: true, body: bytes }],
        [
          { early: true, body: HELLO },
          { early: true, body: bytes },
        ],
      );
    else corpus.push([{ type: bytes[0], lane: bytes[1], flags: bytes[2], body: bytes.slice(16) }]);
  }
  const value = { id: 1, name: 'nämé', tags: ['a', 'b'], at: new Date(5), raw: Uint8Array.of(1), more: [1.5, -5n] };
  for (const [index, each] of [value, ['a', 'b']].entries()) {
    const declared = codec.codecOf(SHAPES[index]);
    const bytes = codec.encodeDeclared(declared, each, 1000).slice();
    corpus.push([{ type: 1, lane: 1, flags: 0, body: messageOf(1, 2, bytes, declared.fingerprint) }]);
  }
  const packed = brotliCompressSync(codec.encodeWhole({ text: 'abc'.repeat(2000) }, 100_000));
  corpus.push([{ type: 1, lane: 1, flags: 0, body: Uint8Array.from([1, 0x81, ...u32(packed.length), ...u32(6010), ...packed]) }]);
  return corpus;
}

function mutated(corpus, random, codec) {
  const pick = (list) => list[Math.floor(random() * list.length)];
  const below = (count) => Math.floor(random() * count);
  // Handshakes end early, and frames without messages mostly too: they have a small part.
  let chosen = pick(corpus);
  for (let again = 0; again < 3 && (chosen[0].early ? random() < 0.7 : chosen[0].type > 2 && random() < 0.7); again++) chosen = pick(corpus);
  const frames = chosen.map((frame) => ({ ...frame }));
  if (frames[0].early) {
    for (const frame of frames)
      if (random() < 0.7) frame.body = random() < 0.8 ? withChecksum(changed(frame.body.subarray(0, -4), random)) : changed(frame.body, random);
    return frames;
  }
  for (let count = below(4); count > 0; count--) {
    const other = pick(corpus);
    if (!other[0].early && (other[0].type < 3 || random() < 0.1)) frames.splice(below(frames.length + 1), 0, ...other.map((frame) => ({ ...frame })));
  }
  if (random() < 0.5) frames.push(grown(random, codec));
  for (const frame of frames) {
    if (frame.isRaw) continue;
    if (random() < 0.35) frame.body = changed(frame.body, random);
    if (random() < 0.02) frame.type = below(9);
    if (random() < 0.1) frame.lane = below(4);
    if (random() < 0.02) frame.flags = below(3);
    if (random() < 0.01) frame.isSkipped = true;
    if (random() < 0.01) Object.assign(frame, { isRaw: true, body: changed(frame.body, random) });
  }
  return frames.slice(0, 12);
}

/** A frame by the grammar. */
function grown(random, codec) {
  const below = (count) => Math.floor(random() * count);
  if (random() < 0.5) {
    const messages = Array.from({ length: 1 + below(4) }, () => {
      const kind = below(3);
      return messageOf(below(256), kind, kind === 2 ? noise(random, below(60)) : valueBytes(random, 0), codec.codecOf(SHAPES[below(2)]).fingerprint);
    });
    return { type: 1, lane: below(3), flags: 0, body: Uint8Array.from(messages.flatMap((message) => [...message])) };
  }
  if (random() < 0.6) {
    const total = below(200);
    const body = valueBytes(random, 0);
    return {
      type: 2,
      lane: below(3),
      flags: body.length === total || random() < 0.5 ? 1 : 0,
      body: Uint8Array.from([
        below(256),
        1 + below(2),
        ...u32(random() < 0.7 ? body.length : total),
        ...u32(random() < 0.8 ? 0 : below(100)),
        ...u32(0),
        ...u32(0),
        ...body,
      ]),
    };
  }
  return { type: 3 + below(5), lane: 0, flags: 0, body: noise(random, below(20)) };
}

/** Bytes that are nearly a value. */
function valueBytes(random, depth) {
  const below = (count) => Math.floor(random() * count);
  const inside = () => [...valueBytes(random, depth + 1)];
  const many = (count) => Array.from({ length: count }, inside).flat();
  if (depth > 4) return Uint8Array.of(below(128));
  const count = below(4);
  switch (below(15)) {
    case 0:
      return Uint8Array.from([0x90 | count, ...many(count)]);
    case 1:
      return Uint8Array.from([0x80 | count, ...Array.from({ length: count }, () => [0xa1, 97 + below(3), ...inside()]).flat()]);
    case 2:
      return Uint8Array.from([0xd8, 0, below(3), count, ...Array.from({ length: count }, (_, index) => [0xa1, 97 + index]).flat(), ...many(count)]);
    case 3:
      return Uint8Array.from([0xd4, below(3), ...many(count)]);
    case 4:
      return Uint8Array.from([0xc1, 3, 0, 0, 0, count, ...many(count * 2)]);
    case 5:
      return Uint8Array.from([0xc1, 4, 0, 0, 0, count, ...many(count)]);
    case 6:
      return Uint8Array.from([
        0xc1,
        5,
        below(12),
        0xc0,
        0xa1,
        109,
        0,
        0,
        0,
        1,
        0xa5,
        ...Buffer.from(['cause', 'stack', 'name ', 'errors'.slice(0, 5)][below(4)]),
        ...inside(),
      ]);
    case 7:
      return Uint8Array.from([0xc1, 8, 0x92, ...inside(), 0xc1, 9, 0, 0, 0, below(3)]);
    case 8:
      return Uint8Array.from([0xc7, count, below(30), ...noise(random, count)]);
    case 9:
      return Uint8Array.from([0xd9, count, ...noise(random, count)]);
    case 10:
      return Uint8Array.from([0xc1, 2, 0xa0 | count, ...Array.from({ length: count }, () => 40 + below(60)), 0xa1, 103]);
    case 11:
      return Uint8Array.from([0xcb, ...noise(random, 8)]);
    case 12:
      return Uint8Array.from([0x81, 0xa9, ...Buffer.from('__proto__'), ...inside()]);
    default:
      return noise(random, 1 + below(6));
  }
}

const INTERESTING = [0, 1, 0x7f, 0x80, 0x8f, 0x9f, 0xa0, 0xbf, 0xc1, 0xc7, 0xd4, 0xd8, 0xdd, 0xdf, 0xff];

function changed(body, random) {
  let bytes = Uint8Array.from(body);
  const below = (count) => Math.floor(random() * count);
  for (let count = 1 + below(4); count > 0; count--) {
    const at = below(bytes.length + 1);
    switch (below(7)) {
      case 0:
        if (at < bytes.length) bytes[at] ^= 1 << below(8);
        break;
      case 1:
        if (at < bytes.length) bytes[at] = INTERESTING[below(INTERESTING.length)];
        break;
      case 2:
        bytes = bytes.slice(0, at);
        break;
      case 3:
        bytes = Uint8Array.from([...bytes.subarray(0, at).slice(0, 3000), ...noise(random, 1 + below(8)), ...bytes.subarray(at).slice(0, 3000)]);
        break;
      case 4:
        bytes = Uint8Array.from([...bytes.subarray(0, at).slice(0, 3000), ...bytes.subarray(at + 1 + below(8)).slice(0, 3000)]);
        break;
      case 5:
        bytes.set(u32([0xffff_ffff, 0x8000_0000, 65_536, bytes.length, 0][below(5)]).slice(0, Math.max(0, bytes.length - at)), Math.min(at, bytes.length));
        break;
      default:
        bytes.copyWithin(at, below(bytes.length + 1), below(bytes.length + 1));
    }
  }
  return bytes;
}

function messageOf(channel, kind, payload, fingerprint) {
  return Uint8Array.from([channel, kind, ...u32(payload.length), ...(kind === 2 ? u32(fingerprint) : []), ...payload]);
}

function withChecksum(body) {
  return Uint8Array.from([...body, ...u32(checksum(body))]);
}

function noise(random, length) {
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
}

function u32(value) {
  return [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, (value >>> 24) & 255];
}

/** Mulberry32. */
function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Places of the code that were reached, as V8 counts them. */
class Coverage {
  #session = new inspector.Session();
  #known = new Set();

  constructor() {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: false, detailed: true });
  }

  get places() {
    return this.#known.size;
  }

  async isNew() {
    const { result } = await new Promise((resolve, reject) =>
      this.#session.post('Profiler.takePreciseCoverage', (error, taken) => (error ? reject(error) : resolve(taken))),
    );
    const before = this.#known.size;
    for (const { url, functions } of result) {
      if (!/dist\/ts-src\/(protocols|codec)\//.test(url)) continue;
      // The blocks of a function that were never entered: there is another list when one has been.
      for (const { ranges } of functions)
        this.#known.add(
          `${url}:${ranges.map(({ startOffset, endOffset, count }, index) => (index === 0 || count === 0 ? `${startOffset}-${endOffset}` : '')).join()}`,
        );
    }
    return this.#known.size > before;
  }

  end() {
    this.#session.disconnect();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const seconds = Number(process.argv[2] ?? 600);
  const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
  process.stdout.write(`seed ${seed}\n`);
  const result = await fuzz({ seconds, seed });
  process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
  process.exitCode = result.findings.length > 0 ? 1 : 0;
}
