/** Misspelt names: the nearest known one, and the error that suggests it. */
import { NexusTypeError, optionError } from '../errors.js';

/** @throws NexusTypeError NEXUS_OPTION_INVALID if `options` is no object, NEXUS_OPTION_UNKNOWN if it has a name that is not known */
export function checkNames(group: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) throw optionError(group, 'expected an object of options');
  for (const name in options) {
    if (known.includes(name)) continue;
    throw new NexusTypeError('NEXUS_OPTION_UNKNOWN', `${group}: unknown option '${name}'${didYouMean(name, known)} Options are ${known.join(', ')}`);
  }
}

/** Ends a sentence that quotes a misspelt name. */
export function didYouMean(name: string, known: readonly string[]): string {
  const suggestion = nearest(name, known);
  return suggestion === undefined ? '.' : `; did you mean '${suggestion}'?`;
}

/** The known name that a misspelt one was probably meant to be: the nearest by edit distance (Damerau-Levenshtein, restricted), if it is near at all. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
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
