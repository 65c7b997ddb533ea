/** Every limit of the protocol between two nodes, with its default: what is not here is not limited by the protocol but by what is. Used by all of `protocols/wire/`; told to the other side in the handshake where it must keep to it. */
import { optionError } from '../../errors.js';
import { type Lane, LANES } from '../../ports/transport.js';

/** The versions of the protocol that this build speaks. */
export const PROTOCOL_VERSION_MIN = 1;
export const PROTOCOL_VERSION_MAX = 1;

/** Of an ordered frame with its header. Also the fragment bound: a message never waits for more than one such frame of a lower lane. */
export const FRAME_BYTES_MAX = 65_536;
/** Every node takes frames of at least that size. */
export const FRAME_BYTES_MIN = 16_384;
/** A frame of the handshake. */
export const HANDSHAKE_FRAME_BYTES_MAX = 4096;
/** Received before the handshake is done; datagrams that overtake it do not count, and are dropped. */
export const HANDSHAKE_BYTES_MAX = 8192;
/** Text of a goodbye or a refusal, in UTF-8; longer ones are cut. */
export const REASON_BYTES_MAX = 512;
/** Largest `messageBytes` that can be asked for. */
export const MESSAGE_BYTES_LIMIT = 1_073_741_824;
/** Pings of one second; more are a flood. */
export const PINGS_PER_SECOND_MAX = 100;
/** Messages of one frame. */
export const BATCH_MESSAGES_MAX = 1024;
/** Sessions that one frame says are superseded; also those that a node tells another one of. There are never more between two nodes. */
export const SUPERSEDED_MAX = 128;
/** Consecutive frames of higher lanes while a lower one waits; then that has a turn, of one frame. */
export const PASSED_OVER_MAX = 16;
/** Shapes that a codec keeps by fingerprint. */
export const SHAPES_REGISTERED_MAX = 10_000;

/** What a lane takes before the receiver has consumed it: the sender keeps to it, or the connection is closed. */
export interface LaneCredit {
  readonly bytes: number;
  readonly messages: number;
}

export type CreditLane = Exclude<Lane, 'control'>;

/** What one side allows. Those that concern the other are told to it in the handshake. */
export interface SessionLimits {
  /** Largest ordered frame that is taken. Default and at most 65,536, at least 16,384. */
  readonly frameBytes: number;
  /** Largest message that is sent or taken, encoded, before compression. Default 67,108,864, at most 1,073,741,824. */
  readonly messageBytes: number;
  /** Received on a lane and not consumed yet. The control lane waits for no credit: what comes on it is consumed at once. Default 4 and 16 MiB, 65,536 and 16,384 messages; at least two frames, and 2,048. */
  readonly credit: Readonly<Record<CreditLane, LaneCredit>>;
  /** Waiting to be sent on each lane; `send` says `full` above it. A single message may exceed it when nothing waits. Default 4, 16 and 64 MiB, 16,384, 65,536 and 16,384 messages. */
  readonly waiting: Readonly<Record<Lane, LaneCredit>>;
  /** From the start to the end of the handshake. Default 5,000. */
  readonly handshakeMs: number;
  /** A ping is sent so often, for the round trip and to be sure the other side is there; 0 for never. Default 2,000 for data, 0 for control. */
  readonly keepaliveMs: number;
  /** Without anything received for so long, the connection is dead; 0 for never. Default 10,000 for data, 0 for control. */
  readonly deadAfterMs: number;
  /** What was consumed is receipted within this time. Default 20. */
  readonly receiptDelayMs: number;
  /** How long a graceful end may take. Default 5,000. */
  readonly closingMs: number;
  /** A message in fragments of which nothing more comes for so long is given up, and the connection with it. Default 60,000. */
  readonly fragmentsMs: number;
}

const MIB = 1_048_576;

const DEFAULTS: SessionLimits = {
  frameBytes: FRAME_BYTES_MAX,
  messageBytes: 64 * MIB,
  credit: {
    normal: { bytes: 4 * MIB, messages: 65_536 },
    bulk: { bytes: 16 * MIB, messages: 16_384 },
  },
  waiting: {
    control: { bytes: 4 * MIB, messages: 16_384 },
    normal: { bytes: 16 * MIB, messages: 65_536 },
    bulk: { bytes: 64 * MIB, messages: 16_384 },
  },
  handshakeMs: 5000,
  keepaliveMs: 2000,
  deadAfterMs: 10_000,
  receiptDelayMs: 20,
  closingMs: 5000,
  fragmentsMs: 60_000,
};

/** Defaults, with what is given. @throws NexusTypeError NEXUS_OPTION_INVALID */
export function sessionLimits(purpose: 'control' | 'data', given: Partial<SessionLimits> = {}): SessionLimits {
  const silent = purpose === 'control' ? { keepaliveMs: 0, deadAfterMs: 0 } : {};
  const limits = { ...DEFAULTS, ...silent, ...given };
  check('frameBytes', limits.frameBytes, FRAME_BYTES_MIN, FRAME_BYTES_MAX);
  check('messageBytes', limits.messageBytes, 1024, MESSAGE_BYTES_LIMIT);
  // Less than that, and a sender that has a full frame could wait for credit for ever.
  for (const lane of ['normal', 'bulk'] as const) {
    check(`credit.${lane}.bytes`, limits.credit[lane].bytes, 2 * limits.frameBytes, MESSAGE_BYTES_LIMIT);
    check(`credit.${lane}.messages`, limits.credit[lane].messages, 2 * BATCH_MESSAGES_MAX, 2 ** 31);
  }
  for (const lane of LANES) {
    check(`waiting.${lane}.bytes`, limits.waiting[lane].bytes, 1, Number.MAX_SAFE_INTEGER);
    check(`waiting.${lane}.messages`, limits.waiting[lane].messages, 1, 2 ** 31);
  }
  for (const name of ['handshakeMs', 'receiptDelayMs', 'closingMs', 'fragmentsMs'] as const) check(name, limits[name], 1, 3_600_000);
  for (const name of ['keepaliveMs', 'deadAfterMs'] as const) check(name, limits[name], 0, 3_600_000);
  return limits;
}

function check(name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max)
    throw optionError(name, `must be a whole number from ${min} to ${max}, is ${value}`, { value, min, max });
}
