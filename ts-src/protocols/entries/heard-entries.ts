/**
 * The entries of other nodes, as one node has heard them. Of each writer only what follows what is known already without a gap is taken; whoever misses something asks for it. A writer that begins anew replaces
 * everything it had said, at once when it has said it all, so that nothing is missing meanwhile. Of a node that has gone nothing is left.
 *
 * Decides only, as `told-entries.ts` does on the other side.
 */
import { type NodeIdentity, nodeKey } from '../../model/node-identity.js';
import { ENTRIES_MAX, type EntriesHave, type EntriesPart } from './entries-messages.js';

export type HeardEffect =
  | { readonly type: 'answer'; readonly to: NodeIdentity; readonly message: EntriesHave }
  /** Undefined: the entry is gone. */
  | { readonly type: 'changed'; readonly node: NodeIdentity; readonly key: string; readonly value: unknown }
  /** Everything has been heard that it had said when it sent this, for the first time. */
  | { readonly type: 'complete'; readonly node: NodeIdentity }
  /** It has more entries than a node may have, and this one is not among those that are known. */
  | { readonly type: 'refused'; readonly node: NodeIdentity; readonly key: string };

interface Writer {
  readonly node: NodeIdentity;
  run: number;
  version: number;
  readonly entries: Map<string, unknown>;
  /** What it says anew, until it has said it all. */
  renewed: Map<string, unknown> | undefined;
  isComplete: boolean;
  /** The version behind which something was asked for; -1 for none. */
  askedBehind: number;
}

export class HeardEntries {
  readonly #writers = new Map<string, Writer>();

  joined(node: NodeIdentity): void {
    const key = nodeKey(node);
    if (this.#writers.has(key)) return;
    this.#writers.set(key, { node, run: 0, version: 0, entries: new Map(), renewed: undefined, isComplete: false, askedBehind: -1 });
  }

  left(node: NodeIdentity): HeardEffect[] {
    const writer = this.#writers.get(nodeKey(node));
    this.#writers.delete(nodeKey(node));
    return [...(writer?.entries.keys() ?? [])].map((key): HeardEffect => ({ type: 'changed', node, key, value: undefined }));
  }

  isComplete(node: NodeIdentity): boolean {
    return this.#writers.get(nodeKey(node))?.isComplete === true;
  }

  entriesOf(node: NodeIdentity): ReadonlyMap<string, unknown> {
    return this.#writers.get(nodeKey(node))?.entries ?? new Map();
  }

  received(from: NodeIdentity, part: EntriesPart): HeardEffect[] {
    const writer = this.#writers.get(nodeKey(from));
    // Of a node that is no member yet, or not any more: it says it again if it is one.
    if (writer === undefined || part.run < writer.run) return [];
    if (part.run > writer.run) beginRun(writer, part.run);
    if (part.since > writer.version) {
      // Once for each gap: all parts behind it come too early.
      if (writer.askedBehind === writer.version) return [];
      writer.askedBehind = writer.version;
      return [answerOf(writer, true)];
    }
    const effects: HeardEffect[] = [];
    if (part.upTo > writer.version) {
      for (const [key, value] of part.changes) take(writer, key, value, effects);
      writer.version = part.upTo;
      writer.askedBehind = -1;
    }
    if (writer.version >= part.latest) {
      if (writer.renewed !== undefined) replace(writer, writer.renewed, effects);
      if (!writer.isComplete) effects.push({ type: 'complete', node: writer.node });
      writer.isComplete = true;
    }
    effects.push(answerOf(writer, false));
    return effects;
  }
}

function beginRun(writer: Writer, run: number): void {
  writer.run = run;
  writer.version = 0;
  writer.renewed = writer.entries.size > 0 ? new Map() : undefined;
  writer.askedBehind = -1;
}

function take(writer: Writer, key: string, value: unknown, effects: HeardEffect[]): void {
  const { node, renewed, entries } = writer;
  const into = renewed ?? entries;
  if (value === undefined) {
    if (into.delete(key) && renewed === undefined) effects.push({ type: 'changed', node, key, value });
    return;
  }
  if (into.size >= ENTRIES_MAX && !into.has(key)) return void effects.push({ type: 'refused', node, key });
  into.set(key, value);
  if (renewed === undefined) effects.push({ type: 'changed', node, key, value });
}

function replace(writer: Writer, renewed: ReadonlyMap<string, unknown>, effects: HeardEffect[]): void {
  const { node, entries } = writer;
  for (const key of [...entries.keys()]) {
    if (renewed.has(key)) continue;
    entries.delete(key);
    effects.push({ type: 'changed', node, key, value: undefined });
  }
  for (const [key, value] of renewed) {
    entries.set(key, value);
    effects.push({ type: 'changed', node, key, value });
  }
  writer.renewed = undefined;
}

function answerOf({ node, run, version }: Writer, isGap: boolean): HeardEffect {
  return { type: 'answer', to: node, message: { type: 'have', run, version, isGap } };
}
