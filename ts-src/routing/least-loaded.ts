/**
 * The member with the least load, without looking at all of them: members stand in lists by their load, and the first of the lowest list is chosen and goes to the end of
 * its new list. Each choice looks at the loads of 8 members in turn, and again at that of the one it is about to choose.
 *
 * So what is known of a load is at most n/8 choices old (none at all in groups of 16 or less), and a member that is busier than it was known to be is not chosen for
 * that. What this thread has sent in its present turn counts at once, although it shows in nobody's load yet. From 64 on, loads that differ by less than a tenth
 * count as the same. Pure: loads come from the caller.
 */

/** Loads looked at for each choice: all of a small group, some of a larger one. */
const LOOKS = 8;
const SMALL = 16;
/** Choices that turned out to be busier than known, before the lowest known one is taken as it is. */
const SURPRISES_MAX = 16;
/** Below it each load has a list of its own. */
const EXACT = 64;
const LISTS_OF_OCTAVE = 8;
const LIST_COUNT = 224;

/** A member as it stands in its list. */
export class LoadEntry<M> {
  readonly member: M;
  load = 0;
  /** Sent by this thread in `turn`, and not seen in the load yet. */
  sent = 0;
  turn = -1;
  list = 0;
  index = 0;
  previous: LoadEntry<M> = this;
  next: LoadEntry<M> = this;

  constructor(member: M) {
    this.member = member;
  }
}

export class LeastLoaded<M> {
  readonly #loadOf: (member: M) => number;
  readonly #entries: LoadEntry<M>[] = [];
  /** Each the head of a circular list. */
  readonly #lists: LoadEntry<M>[];
  /** A bit for each list that is not empty. */
  readonly #occupied = new Int32Array(LIST_COUNT / 32);
  #cursor = 0;

  constructor(loadOf: (member: M) => number) {
    this.#loadOf = loadOf;
    this.#lists = Array.from({ length: LIST_COUNT }, () => new LoadEntry<M>(undefined as M));
  }

  get size(): number {
    return this.#entries.length;
  }

  add(member: M): LoadEntry<M> {
    const entry = new LoadEntry(member);
    entry.load = this.#loadOf(member);
    entry.index = this.#entries.length;
    this.#entries.push(entry);
    this.#append(entry, listOf(entry.load));
    return entry;
  }

  remove(entry: LoadEntry<M>): void {
    const last = this.#entries.pop() as LoadEntry<M>;
    if (last !== entry) {
      this.#entries[entry.index] = last;
      last.index = entry.index;
    }
    this.#takeOut(entry);
  }

  /**
   * The member to send to, or undefined if none is accepted.
   * @param turn what was sent in an earlier one is in the loads by now
   * @param accepts undefined: every member
   */
  choose(turn: number, accepts: ((member: M) => boolean) | undefined): M | undefined {
    const { length } = this.#entries;
    const count = length <= SMALL ? length : LOOKS;
    for (let look = 0; look < count; look++) {
      if (this.#cursor >= this.#entries.length) this.#cursor = 0;
      this.#look(this.#entries[this.#cursor++] as LoadEntry<M>, turn);
    }
    for (let surprises = 0; ; surprises++) {
      const entry = this.#lowest(accepts);
      if (entry === undefined) return undefined;
      const known = entry.list;
      this.#look(entry, turn);
      if (entry.list > known && surprises < SURPRISES_MAX) continue;
      entry.sent++;
      this.#takeOut(entry);
      this.#append(entry, listOf(entry.load + entry.sent));
      return entry.member;
    }
  }

  #look(entry: LoadEntry<M>, turn: number): void {
    const load = this.#loadOf(entry.member);
    if (entry.turn !== turn) {
      entry.turn = turn;
      entry.sent = 0;
    } else if (load > entry.load) entry.sent = Math.max(0, entry.sent - (load - entry.load));
    entry.load = load;
    const list = listOf(load + entry.sent);
    if (list === entry.list) return;
    this.#takeOut(entry);
    this.#append(entry, list);
  }

  #lowest(accepts: ((member: M) => boolean) | undefined): LoadEntry<M> | undefined {
    for (let word = 0; word < this.#occupied.length; word++) {
      for (let bits = this.#occupied[word] as number; bits !== 0; bits &= bits - 1) {
        const head = this.#lists[word * 32 + (31 - Math.clz32(bits & -bits))] as LoadEntry<M>;
        for (let entry = head.next; entry !== head; entry = entry.next) if (accepts === undefined || accepts(entry.member)) return entry;
      }
    }
    return undefined;
  }

  #append(entry: LoadEntry<M>, list: number): void {
    const head = this.#lists[list] as LoadEntry<M>;
    const last = head.previous;
    entry.list = list;
    entry.previous = last;
    entry.next = head;
    last.next = entry;
    head.previous = entry;
    this.#occupied[list >> 5]! |= 1 << (list & 31);
  }

  #takeOut(entry: LoadEntry<M>): void {
    entry.previous.next = entry.next;
    entry.next.previous = entry.previous;
    const head = this.#lists[entry.list] as LoadEntry<M>;
    if (head.next === head) this.#occupied[entry.list >> 5]! &= ~(1 << (entry.list & 31));
  }
}

function listOf(load: number): number {
  if (load < EXACT) return load;
  return Math.min(LIST_COUNT - 1, EXACT + Math.floor(Math.log2(load / EXACT) * LISTS_OF_OCTAVE));
}
