/**
 * The channels of `node:diagnostics_channel` on which this thread tells what happens, typed by their names. Who publishes looks at `hasSubscribers` first, so that nothing is made for
 * nobody; what a subscriber throws does not come back here: Node reports it as an uncaught exception, later.
 */
import { channel } from 'node:diagnostics_channel';
import { TELEMETRY_EVENTS, type TelemetryEvent, type TelemetryEvents } from '../model/telemetry-events.js';

export interface EventChannel<E extends TelemetryEvent> {
  readonly hasSubscribers: boolean;
  publish(event: TelemetryEvents[E]): void;
}

type Channels = { readonly [E in TelemetryEvent]: EventChannel<E> };

/** For as long as the thread is there: a channel that nobody holds may be made anew, and then has other subscribers. */
export const channels = Object.fromEntries(TELEMETRY_EVENTS.map((name) => [name, channel(name)])) as unknown as Channels;
