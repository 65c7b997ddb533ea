/** A flight record as text, for people: what it is about, then a line for each event, with its time relative to the moment of the dump. Decides what an event is called; printing is for `nexus flight`. */
import type { FlightAgent, FlightEvent, FlightRecord } from './read-flight-record.js';

/** What the record is about. */
export function* heading(record: FlightRecord): IterableIterator<string> {
  const { head, signal, thread, note } = record;
  yield `flight record of process ${head.pid} on ${printable(head.host)}, ${new Date(record.epochMs).toISOString()}`;
  yield `nexus-agents ${printable(head.nexus)}, Node ${printable(head.node)}, ${printable(head.platform)}, ${printable(head.engine)} engine`;
  yield `written ${WHY[record.reason]}${signal === undefined ? '' : ` ${signal}`}${thread === undefined ? '' : `, on or about thread ${thread}`}`;
  for (const line of note?.split('\n') ?? []) yield `  ${printable(line)}`;
  for (const each of record.threads) {
    const successor = each.incarnation === 0 ? '' : `, incarnation ${each.incarnation}`;
    yield `thread ${each.thread}: ${each.state}${successor}, ${each.length} event${each.length === 1 ? '' : 's'}`;
  }
}

/** `      -12.345 ms  1  messages     order 'o-7' add, 3 messages` */
export function eventLine(record: FlightRecord, event: FlightEvent): string {
  const relative = (event.timeMs - record.clockMs).toFixed(3);
  return `${relative.padStart(14)} ms  ${String(event.thread).padStart(3)}  ${event.type.padEnd(14)} ${whatHappened(event)}`.trimEnd();
}

const WHY = {
  command: 'by command',
  signal: 'on the signal',
  threadLost: 'because a thread was lost',
  uncaughtException: 'because an error was not caught',
  fatalSignal: 'because the process died of',
} as const;

export function whatHappened(event: FlightEvent): string {
  const { type, agent, action, count, other } = event;
  const name = agent === undefined ? '' : nameOf(agent);
  const what = action === undefined ? name : `${name} ${printable(action)}`;
  switch (type) {
    case 'messages': {
      const from =
        event.sender === undefined ? '' : `, from ${event.sender.id === undefined ? `slot ${event.sender.slot}` : `'${printable(event.sender.id)}'`}`;
      return `${what}, ${count === undefined ? 'RUNNING' : counted(count, 'message')}${from}`;
    }
    case 'settled':
      return `${what}, async, ${event.failed === 1 ? 'rejected' : 'done'}`;
    case 'spawned':
    case 'restarted':
      return name;
    case 'stopped':
      return `${name}, ${event.reason ?? 'unknown reason'}`;
    case 'failed':
      return action === undefined ? `${name}, in a start or hook` : what;
    case 'deadLetter':
      return `${event.reason ?? 'unknown reason'}${what === '' ? '' : ` for ${what}`}${times(count)}`;
    case 'askTimeout':
      return `${what === '' ? 'an ask of the runtime' : what}${times(count)}`;
    case 'published':
      return `${counted(count ?? 0, 'message')} to thread ${other}`;
    case 'read':
      return `${counted(count ?? 0, 'message')} from thread ${other}`;
    case 'long':
      return `${counted(count ?? 0, 'message')} took ${(event.durationMs ?? 0).toFixed(1)} ms`;
    case 'threadStarted':
      return event.incarnation === 0
        ? 'this thread serves'
        : `this thread serves as incarnation ${event.incarnation}; its predecessor wrote what is before this`;
    case 'threadLost':
      return `thread ${other}, ${event.replaced === true ? 'which is replaced' : 'for good'}`;
    case 'threadRestored':
      return `thread ${other}: ${counted(count ?? 0, 'agent')} back, ${event.failed} failed`;
    case 'clusterView':
      return `view ${event.view} with ${counted(count ?? 0, 'member')}`;
    case 'clusterStanding':
      return `this node of a cluster is ${event.reason ?? 'something that this version does not know'}`;
    case 'nexusStopping':
      return '';
  }
}

function nameOf({ kind, id, slot, generation }: FlightAgent): string {
  const place = slot === 0 ? '' : `slot ${slot}.${generation}`;
  return [kind === undefined ? '' : printable(kind), id === undefined ? place : `'${printable(id)}'`].filter((part) => part !== '').join(' ');
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function times(count: number | undefined): string {
  return count === undefined || count === 1 ? '' : `, ${count} times`;
}

/** Names come from whoever made the agents: none of them may drive the terminal. */
function printable(text: string): string {
  let shown = '';
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    shown += isUnprintable(code) ? `\\u${code.toString(16).padStart(4, '0')}` : character;
  }
  return shown;
}

/** Control characters, line separators, and what turns the direction of writing. */
function isUnprintable(code: number): boolean {
  return (
    code < 32 || (code >= 0x7f && code < 0xa0) || code === 0x2028 || code === 0x2029 || (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069)
  );
}
