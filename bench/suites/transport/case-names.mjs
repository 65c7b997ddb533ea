/** Cases of the suite, by the same names for all peers, and what they send. */
export const ROUND_TRIP = 'round trip of 20 B, mean';
export const ROUND_TRIP_P50 = 'round trip of 20 B, p50';
export const ONE_WAY = 'one way, 100 B';
export const BULK = 'one way, 1 MiB';
export const HEARTBEAT = 'heartbeat, p99';
export const HEARTBEAT_DURING_BULK = 'heartbeat while 1 MiB messages go one way, p99';

export const SMALL_BYTES = 20;
export const MESSAGE_BYTES = 100;
export const BULK_BYTES = 1_048_576;

/** Messages that are sent before the event loop has a turn: a sender that encodes 64 MiB in one turn delays its own heartbeats, whatever the transport does. */
export const sentInATurn = ({ length }) => Math.max(1, Math.min(1_000, Math.floor(BULK_BYTES / length)));
