/**
 * Which values are subscribed to which patterns, as a trie over tokens: looking up a topic takes time in the number of its tokens and of the patterns that match,
 * however many there are. Wildcards as in `topic.ts`, which also checks what comes here: it takes only well-formed patterns and topics. Its dumb twin, a list that
 * is searched with `patternMatches`, is in the tests.
 */

class Node<T> {
  readonly children = new Map<string, Node<T>>();
  /** Of the pattern that ends here. */
  readonly values = new Set<T>();
  /** Of the pattern that ends here with `>`. */
  readonly rest = new Set<T>();

  get isEmpty(): boolean {
    return this.children.size === 0 && this.values.size === 0 && this.rest.size === 0;
  }
}

export class TopicTrie<T> {
  readonly #root = new Node<T>();
  #size = 0;
  #nodes = 0;

  /** Pairs of pattern and value. */
  get size(): number {
    return this.#size;
  }

  /** Nodes below the root: none without patterns. */
  get nodeCount(): number {
    return this.#nodes;
  }

  /** False if this value has this pattern already. */
  add(pattern: string, value: T): boolean {
    let node = this.#root;
    const tokens = pattern.split('.');
    const endsWithRest = tokens[tokens.length - 1] === '>';
    if (endsWithRest) tokens.pop();
    for (const token of tokens) {
      let child = node.children.get(token);
      if (child === undefined) {
        child = new Node<T>();
        node.children.set(token, child);
        this.#nodes++;
      }
      node = child;
    }
    const values = endsWithRest ? node.rest : node.values;
    if (values.has(value)) return false;
    values.add(value);
    this.#size++;
    return true;
  }

  /** Takes back one `add`, with every node that nothing else needs. False if there was none. */
  remove(pattern: string, value: T): boolean {
    const tokens = pattern.split('.');
    const endsWithRest = tokens[tokens.length - 1] === '>';
    if (endsWithRest) tokens.pop();
    const path: Node<T>[] = [this.#root];
    for (const token of tokens) {
      const child = (path[path.length - 1] as Node<T>).children.get(token);
      if (child === undefined) return false;
      path.push(child);
    }
    const last = path[path.length - 1] as Node<T>;
    if (!(endsWithRest ? last.rest : last.values).delete(value)) return false;
    this.#size--;
    for (let depth = tokens.length; depth > 0 && (path[depth] as Node<T>).isEmpty; depth--) {
      (path[depth - 1] as Node<T>).children.delete(tokens[depth - 1] as string);
      this.#nodes--;
    }
    return true;
  }

  /** Calls back for every value whose pattern matches: once for each of its patterns that do. */
  match(topic: string, found: (value: T) => void): void {
    if (this.#size > 0) walk(this.#root, topic.split('.'), 0, found);
  }
}

/** Recursion as deep as a topic has tokens, which is limited. At most two ways at each: by name and by `*`. */
function walk<T>(node: Node<T>, tokens: readonly string[], depth: number, found: (value: T) => void): void {
  if (depth === tokens.length) {
    for (const value of node.values) found(value);
    return;
  }
  for (const value of node.rest) found(value);
  const named = node.children.get(tokens[depth] as string);
  if (named !== undefined) walk(named, tokens, depth + 1, found);
  const any = node.children.get('*');
  if (any !== undefined) walk(any, tokens, depth + 1, found);
}
