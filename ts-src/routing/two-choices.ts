/**
 * The power of two choices (Mitzenmacher 1996): the better of two members drawn at random. Nearly as even as the best of all, at the cost of two looks; and since
 * two senders seldom draw the same pair, many of them do not run to the same member at once, as they would to the least loaded one. Pure.
 */

/** Draws for a member that is accepted, before all are looked through. */
const DRAWS_MAX = 8;

/**
 * The cheaper of two members, or undefined if none is accepted. `random`: 0 ≤ x < 1.
 * @param accepts undefined: every member
 */
export function betterOfTwo<M>(
  members: readonly M[],
  random: () => number,
  cost: (member: M) => number,
  accepts: ((member: M) => boolean) | undefined,
): M | undefined {
  const count = members.length;
  if (accepts !== undefined) return betterOfAccepted(members, random, cost, accepts);
  if (count < 2) return members[0];
  const at = Math.floor(random() * count);
  const drawn = Math.floor(random() * (count - 1));
  const first = members[at] as M;
  const second = members[drawn >= at ? drawn + 1 : drawn] as M;
  return cost(second) < cost(first) ? second : first;
}

function betterOfAccepted<M>(members: readonly M[], random: () => number, cost: (member: M) => number, accepts: (member: M) => boolean): M | undefined {
  const first = draw(members, random, accepts);
  if (first === undefined) return undefined;
  const second = draw(members, random, (member) => member !== first && accepts(member));
  return second === undefined || cost(first) <= cost(second) ? first : second;
}

function draw<M>(members: readonly M[], random: () => number, accepts: (member: M) => boolean): M | undefined {
  for (let attempt = 0; attempt < DRAWS_MAX && members.length > 0; attempt++) {
    const member = members[Math.floor(random() * members.length)] as M;
    if (accepts(member)) return member;
  }
  const accepted = members.filter(accepts);
  return accepted[Math.floor(random() * accepted.length)];
}
