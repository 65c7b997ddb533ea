/** What happened in a simulation, event by event: with one seed it is the same each time. */

export interface TranscriptEntry {
  /** Number of the step. */
  readonly step: number;
  readonly nowMs: number;
  readonly thread: number;
  /** `mail`, `task`, `killed`, `lost`, `restored`, or what an agent did: `start`, `stop`, `terminated`, or the name of the action it handled. */
  readonly what: string;
  /** Of the agent, as `kind 'id'`. */
  readonly agent: string | undefined;
}

export class Transcript {
  readonly #entriesMax: number;
  readonly #entries: TranscriptEntry[] = [];
  #dropped = 0;

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  add(entry: TranscriptEntry): void {
    this.#entries.push(entry);
    // In one go, now and then: not a shift for each.
    if (this.#entries.length < this.#entriesMax * 2) return;
    const surplus = this.#entries.length - this.#entriesMax;
    this.#entries.splice(0, surplus);
    this.#dropped += surplus;
  }

  get entries(): readonly TranscriptEntry[] {
    return this.#entries.slice(-this.#entriesMax);
  }

  /** The last lines as text. */
  tail(lines: number): string {
    const shown = this.#entries.slice(-lines);
    const before = this.#dropped + this.#entries.length - shown.length;
    return [...(before > 0 ? [`... ${before} before`] : []), ...shown.map(lineOf)].join('\n');
  }
}

/** An entry of the transcript as a line of text. */
export function lineOf({ step, nowMs, thread, what, agent }: TranscriptEntry): string {
  return `${step} ${nowMs} ms thread ${thread}: ${agent === undefined ? what : `${agent} ${what}`}`;
}
