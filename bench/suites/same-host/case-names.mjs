/** Cases of the suite, by the same names for all peers, and what they send. */
export const HOT_P50 = 'round trip hot, 20 B, p50';
export const PARKED_P50 = 'round trip parked, 20 B, p50';
export const PARKED_ONE_CORE_P50 = 'the same with both processes on one core, p50';
export const ONE_WAY = 'one way, text of 100 B';
export const BULK = 'one way, 1 MiB';

export const SMALL = 'x'.repeat(20);
/** A text: of small arrays of bytes the memory that the receiver makes for each is most of what is measured. */
export const MESSAGE = 'x'.repeat(100);
export const BULK_BYTES = 1_048_576;
/** Messages that are sent before the event loop has a turn. */
export const TURN = 500;
