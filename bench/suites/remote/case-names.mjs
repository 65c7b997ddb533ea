/** Cases of the suite, by the same names for all peers, and what they send. */
export const ASK = 'ask of 20 B to an agent of another process, mean';
export const ASK_P50 = 'ask of 20 B to an agent of another process, p50';
export const ASK_ONE_CORE_P50 = 'the same with both processes on one core, p50';
export const ASKS = 'asks, 64 at a time';
export const TELL = 'tell of 100 B, one way';
export const LOOKUP = 'an id looked up at its owner, p50';
export const LOOKUP_KNOWN = 'an id looked up that was heard of, mean';

/** An object that is 20 bytes as MessagePack. */
export const SMALL = { value: 7, name: 'twelve bytes' };
/** An object with a text, about 100 bytes as MessagePack. */
export const HUNDRED = { number: 123_456, text: 'x'.repeat(80) };
export const ASKS_AT_ONCE = 64;
/** Messages that are sent before the event loop has a turn. */
export const SENT_IN_A_TURN = 1_000;
