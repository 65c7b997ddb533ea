/** `subscribe` of `node:diagnostics_channel`, typed by the name of the event. */
import { subscribe as subscribeToChannel, unsubscribe } from 'node:diagnostics_channel';
import { NexusTypeError, optionError } from '../errors.js';
import { didYouMean } from '../model/nearest-name.js';
import { TELEMETRY_EVENTS, type TelemetryEvent, type TelemetryEvents } from '../model/telemetry-events.js';

/**
 * Calls the listener with every event of this name on the thread that calls `subscribe`, until the function it returns is called. A channel is one of the thread, not of a
 * nexus, and a listener is called at once, in the middle of what happens: it should be quick. What it throws becomes an uncaught exception of the thread.
 * @throws NexusTypeError NEXUS_OPTION_UNKNOWN for a name that is none, NEXUS_OPTION_INVALID for what is no function
 */
export function subscribe<E extends TelemetryEvent>(event: E, listener: (event: TelemetryEvents[E]) => void): () => void {
  if (!(TELEMETRY_EVENTS as readonly string[]).includes(event))
    throw new NexusTypeError(
      'NEXUS_OPTION_UNKNOWN',
      `there is no event '${String(event)}'${didYouMean(String(event), TELEMETRY_EVENTS)} Events are ${TELEMETRY_EVENTS.join(', ')}`,
    );
  if (typeof listener !== 'function') throw optionError('listener', `of '${event}' must be a function, not ${typeof listener}`);
  // A function of its own, so that the same listener may subscribe twice, and each end what it began.
  const heard = (message: unknown): void => listener(message as TelemetryEvents[E]);
  subscribeToChannel(event, heard);
  return () => void unsubscribe(event, heard);
}
