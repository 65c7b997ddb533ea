/**
 * Shapes: lists of keys of plain objects that both sides of a stream know by number. The encoder finds the shape of an object in a tree of
 * keys, the decoder keeps a function for each shape that builds the object with literal keys. Everything is bounded: an object used as a
 * dictionary must not grow a table for ever, so a list of keys gets a number only when it is seen for the second time, and lists seen once
 * are forgotten when the tree is full.
 */

import { type BuildObject, builderOf, COMPILE_AFTER, type WriteProperties, writerOf } from './shape-code.js';

/** Shapes of one stream. */
export const SHAPES_MAX = 1024;
/** Keys of one shape; an object with more is written with its keys. */
export const SHAPE_KEYS_MAX = 64;
/** Length of one key; an object with a longer one is written with its keys. */
export const SHAPE_KEY_LENGTH_MAX = 128;
/** Nodes of the tree, including those of lists seen once. */
export const SHAPE_NODES_MAX = 8192;

export class ShapeNode {
  /** The branch taken last time: messages repeat themselves, so this mostly is the branch of this time. */
  lastKey: string | undefined = undefined;
  lastChild: ShapeNode | undefined = undefined;
  branches: Map<string, ShapeNode> | undefined = undefined;
  /** Number of the shape that ends here, or -1. */
  shape = -1;
  seen = false;
  /** Writes the properties of an object of this shape. */
  write: WriteProperties | undefined = undefined;

  constructor(
    readonly parent: ShapeNode | undefined,
    readonly key: string,
    readonly depth: number,
  ) {}
}

export class ShapeTree {
  readonly root = new ShapeNode(undefined, '', 0);
  /** Node at which each shape ends, by number. */
  readonly shapes: ShapeNode[] = [];
  nodeCount = 1;
  /** Nodes seen for the first time in this message. */
  private readonly sighted: ShapeNode[] = [];
  /** Nodes that the last sweep had to keep. */
  private shapeNodeCount = 0;

  /** The child of `node` for `key`, made if there is room; undefined when these keys cannot have a shape. */
  step(node: ShapeNode, key: string): ShapeNode | undefined {
    let child = node.branches?.get(key);
    if (child === undefined) {
      if (node.depth >= SHAPE_KEYS_MAX || key.length > SHAPE_KEY_LENGTH_MAX) return undefined;
      if (this.nodeCount >= SHAPE_NODES_MAX || this.shapes.length >= SHAPES_MAX) return undefined;
      child = new ShapeNode(node, key, node.depth + 1);
      node.branches ??= new Map();
      node.branches.set(key, child);
      this.nodeCount++;
    }
    node.lastKey = key;
    node.lastChild = child;
    return child;
  }

  /** Whether an object that ends at this node defines a shape now: on second sight, as long as there are numbers. */
  admits(node: ShapeNode): boolean {
    if (this.shapes.length >= SHAPES_MAX) return false;
    if (node.seen) return true;
    node.seen = true;
    this.sighted.push(node);
    return false;
  }

  /** Before a message. The only time to make room in a full tree, because that replaces the nodes. */
  begin(): void {
    if (this.sighted.length > 0) this.sighted.length = 0;
    if (this.nodeCount >= SHAPE_NODES_MAX && this.shapeNodeCount < SHAPE_NODES_MAX / 2) this.sweep();
  }

  /** Gives the node the next number. */
  define(node: ShapeNode): number {
    node.shape = this.shapes.length;
    node.write ??= warmingWriter(node);
    this.shapes.push(node);
    return node.shape;
  }

  /** The message was not sent: takes back the numbers from `count` on, and what was seen for the first time. */
  rollback(count: number): void {
    for (const node of this.sighted) node.seen = false;
    const shapes = this.shapes;
    for (let index = count; index < shapes.length; index++) (shapes[index] as ShapeNode).shape = -1;
    shapes.length = count;
  }

  reset(): void {
    this.shapes.length = 0;
    this.root.lastKey = undefined;
    this.root.lastChild = undefined;
    this.root.branches = undefined;
    this.nodeCount = 1;
    this.shapeNodeCount = 0;
  }

  /** Forgets all paths that do not lead to a shape. */
  private sweep(): void {
    const shapes = this.shapes.splice(0);
    this.reset();
    for (const old of shapes) {
      let node = this.root;
      for (const key of keysOf(old)) {
        let child = node.branches?.get(key);
        if (child === undefined) {
          child = new ShapeNode(node, key, node.depth + 1);
          node.branches ??= new Map();
          node.branches.set(key, child);
          this.nodeCount++;
        }
        node = child;
      }
      node.seen = true;
      node.write = old.write;
      this.define(node);
    }
    this.shapeNodeCount = this.nodeCount;
  }
}

/** The keys from the root to the node. */
export function keysOf(node: ShapeNode): string[] {
  const keys = new Array<string>(node.depth);
  for (let at = node; at.parent !== undefined; at = at.parent) keys[at.depth - 1] = at.key;
  return keys;
}

/** Writes by a loop at first, then by a compiled function. */
function warmingWriter(node: ShapeNode): WriteProperties {
  const keys = keysOf(node);
  let written = 0;
  const loop: WriteProperties = (sink, value, position, depth) => {
    let at = position;
    for (const key of keys) {
      at = sink.write((value as Record<string, unknown>)[key], at, depth);
      if (at < 0) return at;
    }
    return at;
  };
  return (sink, value, position, depth) => {
    if (++written === COMPILE_AFTER) node.write = writerOf(keys) ?? loop;
    return loop(sink, value, position, depth);
  };
}

/** The decoder's side of one shape. */
export class Shape {
  private built = 0;
  build: BuildObject;

  constructor(readonly keys: readonly string[]) {
    const loop: BuildObject = (source, depth) => {
      const result = {};
      for (const key of keys) setProperty(result, key, source.read(depth));
      return result;
    };
    this.build = (source, depth) => {
      if (++this.built === COMPILE_AFTER) this.build = builderOf(keys) ?? loop;
      return loop(source, depth);
    };
  }
}

/** Assigns; `__proto__` becomes an ordinary property. */
export function setProperty(target: object, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else (target as Record<string, unknown>)[key] = value;
}
