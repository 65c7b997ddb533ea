/**
 * Functions compiled for a list of keys: one that builds an object with these keys as a literal, one that reads the properties in this order.
 * The engine gives every such function its own type feedback, so that each property is one load or store. Shared by all streams of a thread,
 * which makes them warm sooner, and bounded. Where code generation from strings is forbidden the callers keep to their loops.
 */

/** Where a builder gets the values from. */
export interface ValueSource {
  readonly bytes: Uint8Array;
  position: number;
  read(depth: number): unknown;
}

/** What writes a value and returns the next position, negative when it could not. */
export interface ValueSink {
  write(value: unknown, position: number, depth: number): number;
  writeNumber(value: number, position: number): number;
  writeString(value: string, position: number): number;
}

export type BuildObject = (source: ValueSource, depth: number) => object;
export type WriteProperties = (sink: ValueSink, value: object, position: number, depth: number) => number;

/** Compiled functions of each sort in a thread. */
export const COMPILED_MAX = 1024;
/** Objects of one shape that go through the loop before a function is worth its compilation. */
export const COMPILE_AFTER = 8;

const BUILDERS = new Map<string, BuildObject>();
const WRITERS = new Map<string, WriteProperties>();

/** undefined where code generation is forbidden or there are too many functions already. */
export function builderOf(keys: readonly string[]): BuildObject | undefined {
  return cached(BUILDERS, keys, () => {
    const properties = keys.map(
      // A computed key, because a literal `"__proto__": x` would set the prototype. Small integers are read in place.
      (key) => `${key === '__proto__' ? '["__proto__"]' : JSON.stringify(key)}:
(lead = bytes[source.position]) < 128 ? (source.position++, lead) : source.read(depth)`,
    );
    return new Function('source', 'depth', `const bytes = source.bytes;\nlet lead;\nreturn { ${properties.join(',\n')} };`) as BuildObject;
  });
}

/** As `builderOf`. */
export function writerOf(keys: readonly string[]): WriteProperties | undefined {
  return cached(WRITERS, keys, () => {
    const statements = keys.map(
      (key) => `x = value[${JSON.stringify(key)}];
at = typeof x === 'number' ? sink.writeNumber(x, at) : typeof x === 'string' ? sink.writeString(x, at) : sink.write(x, at, depth);
if (at < 0) return at;`,
    );
    return new Function('sink', 'value', 'at', 'depth', `let x;\n${statements.join('\n')}\nreturn at;`) as WriteProperties;
  });
}

function cached<Code>(known: Map<string, Code>, keys: readonly string[], compile: () => Code): Code | undefined {
  const name = JSON.stringify(keys);
  let code = known.get(name);
  if (code === undefined && known.size < COMPILED_MAX) {
    try {
      code = compile();
    } catch {
      return undefined;
    }
    known.set(name, code);
  }
  return code;
}
