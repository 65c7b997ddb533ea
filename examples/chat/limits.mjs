/** Every limit of the chat that can be changed, with its default and its range, checked in one place. Lengths of names and texts are in `frames.mjs`. */

/** name: [default, least, most] */
const RANGES = Object.freeze({
  connectionsMax: [10_000, 1, 1_000_000],
  roomsMax: [10_000, 1, 1_000_000],
  roomsOfConnectionMax: [8, 1, 1000],
  membersMax: [1000, 1, 100_000],
  historyMax: [50, 0, 10_000],
  /** Frames a second that a connection may send, and so many at once after a rest. */
  framesPerSecond: [10, 1, 1_000_000],
  framesBurst: [20, 1, 1_000_000],
  /** Frames in a row that were refused; one more closes the connection. */
  refusalsMax: [50, 0, 1_000_000],
  frameBytesMax: [16_384, 256, 1_048_576],
  /** What may wait to be sent to one connection; a reader that is slower is closed. */
  bufferedBytesMax: [1_048_576, 1024, 1_073_741_824],
  /** Between two pings; after so many without any sign of life the connection counts as lost. */
  heartbeatMs: [15_000, 10, 3_600_000],
  silentHeartbeatsMax: [2, 1, 100],
  /** Who sends nothing for so long is shown as idle. */
  idleMs: [300_000, 10, 86_400_000],
  /** A room that has been empty for so long ends. */
  emptyRoomMs: [60_000, 10, 86_400_000],
});

/** @typedef {{ readonly [Name in keyof typeof RANGES]: number }} Limits */

/**
 * @param {Partial<Limits>} [changes] what differs from the defaults
 * @returns {Limits}
 * @throws {RangeError} for a limit that does not exist or is out of range
 */
export function resolveLimits(changes = {}) {
  for (const name of Object.keys(changes)) if (!Object.hasOwn(RANGES, name)) throw new RangeError(`there is no limit ${name}`);
  const entries = Object.entries(RANGES).map(([name, [usual, least, most]]) => {
    const value = /** @type {Record<string, number | undefined>} */ (changes)[name] ?? usual;
    if (!(Number.isInteger(value) && value >= least && value <= most)) {
      throw new RangeError(`${name} is ${value}; it must be a whole number from ${least} to ${most}`);
    }
    return [name, value];
  });
  return Object.freeze(Object.fromEntries(entries));
}
