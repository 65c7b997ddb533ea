/**
 * Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002): of a list that fails, a part that fails still and of which no single element can be left
 * out any more. Knows nothing of what the elements are.
 */

/**
 * @param fails whether a part of the list, in its order, fails as the whole does. It is not asked about the whole, which must fail, nor about the same part twice
 * @param mayGoOn asked before each `fails`; when false the smallest part so far is returned
 */
export async function ddmin<T>(
  list: readonly T[],
  fails: (part: readonly T[]) => Promise<boolean>,
  mayGoOn: () => boolean = () => true,
): Promise<readonly T[]> {
  const known = new Map<string, boolean>();
  let current: readonly number[] = list.map((_, index) => index);
  const failing = async (part: readonly number[]): Promise<boolean> => {
    const key = part.join(',');
    const answer = known.get(key) ?? (mayGoOn() && (await fails(part.map((index) => list[index] as T))));
    known.set(key, answer);
    return answer;
  };
  if (current.length > 0 && (await failing([]))) return [];
  for (let pieces = 2; current.length >= 2 && mayGoOn(); ) {
    const cuts = cutInto(current, pieces);
    const piece = await first(cuts, failing);
    if (piece !== undefined) {
      current = piece;
      pieces = 2;
      continue;
    }
    const rest =
      pieces === 2
        ? undefined
        : await first(
            cuts.map((cut) => without(current, cut)),
            failing,
          );
    if (rest !== undefined) {
      current = rest;
      pieces = Math.max(pieces - 1, 2);
    } else if (pieces < current.length) pieces = Math.min(pieces * 2, current.length);
    else break;
  }
  return current.map((index) => list[index] as T);
}

function cutInto(list: readonly number[], pieces: number): number[][] {
  return Array.from({ length: pieces }, (_, index) => list.slice(Math.floor((index * list.length) / pieces), Math.floor(((index + 1) * list.length) / pieces)));
}

function without(list: readonly number[], part: readonly number[]): number[] {
  const left = new Set(part);
  return list.filter((index) => !left.has(index));
}

async function first(parts: readonly (readonly number[])[], failing: (part: readonly number[]) => Promise<boolean>): Promise<readonly number[] | undefined> {
  for (const part of parts) if (await failing(part)) return part;
  return undefined;
}
