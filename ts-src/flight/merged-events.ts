/** The events of all threads of a flight record in the order of their times, one at a time; those of one thread stay in their order. What is asked for of a record is chosen here. */
import type { FlightEvent, FlightRecord } from './read-flight-record.js';

export interface EventChoice {
  /** Of this thread only. */
  readonly thread?: number;
  /** Of agents whose id or kind is this only. */
  readonly agent?: string;
  /** So many at the end. */
  readonly last?: number;
}

export function* mergedEvents(record: FlightRecord, choice: EventChoice = {}): IterableIterator<FlightEvent> {
  const { last } = choice;
  if (last === undefined) return yield* chosen(record, choice);
  const ring: FlightEvent[] = [];
  let count = 0;
  for (const event of chosen(record, choice)) ring[count++ % last] = event;
  for (let number = Math.max(0, count - last); number < count; number++) yield ring[number % last] as FlightEvent;
}

function* chosen(record: FlightRecord, { thread, agent }: EventChoice): IterableIterator<FlightEvent> {
  for (const event of merged(record)) {
    if (thread !== undefined && event.thread !== thread) continue;
    if (agent !== undefined && event.agent?.id !== agent && event.agent?.kind !== agent) continue;
    yield event;
  }
}

function* merged({ threads }: FlightRecord): IterableIterator<FlightEvent> {
  const sources = threads.map((thread) => thread.events());
  const heads = sources.map((source) => nextOf(source));
  for (;;) {
    let first = -1;
    for (let index = 0; index < heads.length; index++) {
      const head = heads[index];
      if (head !== undefined && (first < 0 || head.timeMs < (heads[first] as FlightEvent).timeMs)) first = index;
    }
    if (first < 0) return;
    yield heads[first] as FlightEvent;
    heads[first] = nextOf(sources[first] as IterableIterator<FlightEvent>);
  }
}

function nextOf(source: IterableIterator<FlightEvent>): FlightEvent | undefined {
  const { done, value } = source.next();
  return done === true ? undefined : (value as FlightEvent);
}
