/** Misspelt names: the nearest known one, and the error that suggests it. */
import { NexusTypeError, optionError, quoted, valueText } from '../errors.js';

/** A nearest name is looked for among at most so many, of at most that length: it takes the product of the lengths. */
const KNOWN_MAX = 1000;
const NAME_CHARACTERS_MAX = 100;
const LISTED_MAX = 50;

/** @throws NexusTypeError NEXUS_OPTION_INVALID if `options` is no object, NEXUS_OPTION_UNKNOWN if it has a name that is not known */
export function checkNames(group: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw optionError(group, `expected an object of options, not ${valueText(options)}`);
  }
  for (const name in options) {
    if (known.includes(name)) continue;
    const text = `${group}: unknown option ${quoted(name)}${didYouMean(name, known)} Options are ${listed(known)}`;
    throw new NexusTypeError('NEXUS_OPTION_UNKNOWN', text, { option: group, ...misspelt(name, known) });
  }
}

/** @param where what has the field, such as "mailbox of 'counter'" @returns NexusTypeError NEXUS_DEFINITION_INVALID */
export function unknownField(caller: string, where: string, name: string, known: readonly string[]): NexusTypeError {
  const text = `${caller}: ${where} has an unknown field ${quoted(name)}${didYouMean(name, known)} Fields are ${listed(known)}`;
  return new NexusTypeError('NEXUS_DEFINITION_INVALID', text, misspelt(name, known));
}

/** What `data` of an error about a misspelt name holds. */
export function misspelt(name: unknown, known: readonly string[]): { name: unknown; suggestion: string | undefined; known: readonly string[] } {
  return { name, suggestion: nearest(name, known), known: known.slice(0, KNOWN_MAX) };
}

/** The names there are, for a message; 'none' if there are none. */
export function listed(known: readonly string[]): string {
  if (known.length === 0) return 'none';
  return known.length <= LISTED_MAX ? known.join(', ') : `${known.slice(0, LISTED_MAX).join(', ')} and ${known.length - LISTED_MAX} more`;
}

/** Ends a sentence that quotes a misspelt name. */
export function didYouMean(name: unknown, known: readonly string[]): string {
  const suggestion = nearest(name, known);
  return suggestion === undefined ? '.' : `; did you mean '${suggestion}'?`;
}

/** The known name that a misspelt one was probably meant to be: the nearest by edit distance (Damerau-Levenshtein, restricted), if it is near at all. */
export function nearest(name: unknown, known: readonly string[]): string | undefined {
  if (typeof name !== 'string' || name.length > NAME_CHARACTERS_MAX || known.length > KNOWN_MAX) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    // More than half of a short name is no misspelling of it.
    if (distance < bestDistance && distance * 2 <= Math.max(candidate.length, name.length)) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let distance = Math.min((last[column] as number) + 1, (current[column - 1] as number) + 1, (last[column - 1] as number) + (same ? 0 : 1));
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        distance = Math.min(distance, (beforeLast[column - 2] as number) + 1);
      current.push(distance);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] as number;
}
