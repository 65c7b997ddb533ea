/**
 * What happened in a simulation, entry by entry: with one seed it is the same each time, to the byte. A running hash over all entries says so without keeping them; who wants to look keeps
 * them too, as lines of text. Written by the simulated world, through `note`; read by whoever compares, saves or draws.
 */

/** What an entry is about. */
export type TraceMark =
  /** Of messages. `id` numbers each one; a copy has the id of what it is a copy of. */
  | 'send'
  | 'receive'
  | 'lose'
  | 'duplicate'
  | 'corrupt'
  | 'hold'
  | 'refuse'
  /** Of faults and nodes. */
  | 'fault'
  | 'healed'
  | 'start'
  | 'crash'
  | 'pause'
  | 'resume'
  | 'disk'
  /** What a node knows of its cluster: standing, view, reachability. */
  | 'event'
  /** What an agent does: `start`, `stop`, or the action it handles. */
  | 'agent'
  /** What the test itself says. */
  | 'say';

/** One thing that happened. `node` and `peer` are numbers of nodes, 0 for none. */
export interface TraceEntry {
  readonly atMs: number;
  readonly mark: TraceMark;
  readonly node: number;
  readonly peer: number;
  readonly id: number;
  readonly text: string;
}

/** Where entries go to. */
export interface TraceSink {
  note(atMs: number, mark: TraceMark, node: number, peer: number, id: number, text: string): void;
}

export interface TraceOptions {
  /** Entries that are kept: the last ones. Default 200. */
  readonly entriesMax?: number;
}

export class Trace implements TraceSink {
  readonly #entriesMax: number;
  readonly #entries: TraceEntry[] = [];
  /** Two independent hashes of 32 bits each: FNV-1a, and a multiplication by another prime from another basis. */
  #low = 0x811c9dc5 | 0;
  #high = 0x9e3779b9 | 0;
  #count = 0;

  constructor({ entriesMax = 200 }: TraceOptions = {}) {
    this.#entriesMax = entriesMax;
  }

  note(atMs: number, mark: TraceMark, node: number, peer: number, id: number, text: string): void {
    this.#count++;
    // Thousandths of a millisecond: beyond it clocks that drift differ in the last bit of a product only.
    const micros = Math.round(atMs * 1000);
    this.#add(micros | 0);
    this.#add((micros / 4294967296) | 0);
    this.#addText(mark);
    this.#add(node * 1024 + peer);
    this.#add(id);
    this.#addText(text);
    if (this.#entriesMax === 0) return;
    this.#entries.push({ atMs: micros / 1000, mark, node, peer, id, text });
    // In one go, now and then: not a shift for each.
    if (this.#entries.length >= this.#entriesMax * 2) this.#entries.splice(0, this.#entries.length - this.#entriesMax);
  }

  /** Entries so far, also those that are not kept. */
  get count(): number {
    return this.#count;
  }

  get entries(): readonly TraceEntry[] {
    return this.#entries.length > this.#entriesMax ? this.#entries.slice(-this.#entriesMax) : this.#entries;
  }

  /** Of all entries so far: two runs with the same one have had the same entries. 16 hexadecimal digits. */
  get hash(): string {
    return (this.#high >>> 0).toString(16).padStart(8, '0') + (this.#low >>> 0).toString(16).padStart(8, '0');
  }

  /** The last entries as lines. */
  tail(lines: number): string {
    const shown = this.entries.slice(-lines);
    const before = this.#count - shown.length;
    return [...(before > 0 ? [`... ${before} before`] : []), ...shown.map(traceLine)].join('\n');
  }

  #add(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x01000193);
    this.#low ^= this.#low >>> 15;
    this.#high = Math.imul(this.#high ^ value, 0x5bd1e995);
    this.#high ^= this.#high >>> 13;
  }

  #addText(text: string): void {
    for (let index = 0; index < text.length; index++) this.#add(text.charCodeAt(index));
    this.#add(text.length);
  }
}

/** Such as `12.345 send 1>3 #17 ping`. Without line breaks, whatever the text is. */
export function traceLine({ atMs, mark, node, peer, id, text }: TraceEntry): string {
  const who = peer === 0 ? (node === 0 ? '-' : `${node}`) : `${node}>${peer}`;
  return `${atMs.toFixed(3)} ${mark} ${who} #${id} ${text.replace(/[\r\n]+/g, ' ')}`.trimEnd();
}

/** What `traceLine` has written; undefined if it is no such line. */
export function traceEntryOf(line: string): TraceEntry | undefined {
  const match = /^(\d+\.\d{3}) ([a-z]+) (?:-|(\d+)(?:>(\d+))?) #(\d+)(?: (.*))?$/.exec(line);
  if (match === null) return undefined;
  const [, atMs, mark, node = '0', peer = '0', id, text = ''] = match;
  return { atMs: Number(atMs), mark: mark as TraceMark, node: Number(node), peer: Number(peer), id: Number(id), text };
}
