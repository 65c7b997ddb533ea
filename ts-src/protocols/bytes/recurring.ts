/**
 * Names that messages say again and again (kinds of agents, nodes), as one object each: whoever keeps what was read keeps no copies of them. A table in which the last name of a place stays, so that strangers who send
 * ever new names take no memory with that. Given to a `ByteReader` by whoever reads many frames.
 */
import type { NodeIdentity } from '../../model/node-identity.js';

const PLACES = 256;
/** Longer ones are not worth a look. */
const LENGTH_MAX = 64;

export class Recurring {
  readonly #texts: (string | undefined)[] = new Array<string | undefined>(PLACES).fill(undefined);
  readonly #nodes: (NodeIdentity | undefined)[] = new Array<NodeIdentity | undefined>(PLACES).fill(undefined);

  /** The text of these bytes; undefined if it is long, or not ASCII. */
  text(bytes: Uint8Array, from: number, to: number): string | undefined {
    if (to - from > LENGTH_MAX) return undefined;
    let hash = 0;
    for (let at = from; at < to; at++) {
      const byte = bytes[at] as number;
      if (byte > 127) return undefined;
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    const place = (hash ^ (hash >>> 8)) & (PLACES - 1);
    const known = this.#texts[place];
    if (known !== undefined && isSame(known, bytes, from, to)) return known;
    const text = String.fromCharCode.apply(undefined, bytes.subarray(from, to) as unknown as number[]);
    this.#texts[place] = text;
    return text;
  }

  /** One that was said before, by this very name. */
  node(name: string, incarnation: number): NodeIdentity | undefined {
    const known = this.#nodes[placeOf(name, incarnation)];
    return known !== undefined && known.name === name && known.incarnation === incarnation ? known : undefined;
  }

  keep(node: NodeIdentity): void {
    this.#nodes[placeOf(node.name, node.incarnation)] = node;
  }
}

function isSame(text: string, bytes: Uint8Array, from: number, to: number): boolean {
  if (text.length !== to - from) return false;
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) !== bytes[from + index]) return false;
  return true;
}

function placeOf(name: string, incarnation: number): number {
  return (name.charCodeAt(name.length - 1) * 31 + name.length + (incarnation % 251)) & (PLACES - 1);
}
