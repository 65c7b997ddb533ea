/**
 * Generates the reading function of a shape: straight-line code that builds objects as literals, so that all that arrive have few hidden classes. `compile.ts`
 * gives it the names it uses. The interpreter reads the same bytes.
 */
import type { Constants } from './constants.js';
import { Choice, type ChoicePart, type FieldPart, type FixedType, type Part, type Section } from './message-layout.js';

/** The body of `function read(m, o, end)`. */
export function readCode(root: Section, constants: Constants): string {
  const code = new ReadCode(constants);
  const result = code.part(root.part, 'o');
  return `if (end - o ${root.varies ? '<' : '!=='} ${root.bytes}) bad('it is too short or too long');
const { bytes: b, halves: h, words: w, longs: l, floats: f, doubles: d } = m;
let tail = o + ${root.bytes};
${code.lines.join('\n')}
${root.varies ? "if (tail !== end) bad('it is longer than its value');\n" : ''}return ${result};`;
}

class ReadCode {
  readonly lines: string[] = [];
  private names = 0;

  constructor(private readonly constants: Constants) {}

  /** Returns an expression for the value, to be used once. `s` is the variable with the offset of the section. */
  part(part: Part, s: string): string {
    switch (part.type) {
      case 'none':
        return 'undefined';
      case 'string': {
        const head = this.variable(`w[${word(s, part.at)}]`);
        const text = this.variable(`readText(m, ${head}, tail, end)`);
        this.line(`tail += ${head} >>> 2;`);
        return text;
      }
      case 'bytes': {
        const length = this.variable(`w[${word(s, part.at)}]`);
        const bytes = this.variable(`readBytes(m, ${length}, tail, end)`);
        this.line(`tail = bytesStart(${length}, tail) + ${length};`);
        return bytes;
      }
      case 'agentRef': {
        const reference = this.variable(`readReference(m, references, ${word(s, part.at)}, tail, end)`);
        this.line(`tail += w[${word(s, part.at + 12)}] >>> 2;`);
        return reference;
      }
      case 'enumeration': {
        const index = part.values.length <= 256 ? `b[${s} + ${part.at}]` : `h[(${s} + ${part.at}) >> 1]`;
        const value = this.variable(`${this.constants.add(part.values)}[${index}]`);
        this.line(`if (${value} === undefined) bad('an enumeration has no such value');`);
        return value;
      }
      case 'array':
        return this.array(part, s);
      case 'choice':
        return this.choice(part, s, false).value;
      case 'tuple':
        return `[${part.elements.map((element) => this.part(element, s)).join(', ')}]`;
      case 'object':
        return this.object(part.fields, s);
      default:
        return this.fixed(part.type, part.at, s);
    }
  }

  private fixed(type: FixedType, at: number, s: string): string {
    switch (type) {
      case 'uint8':
        return `b[${s} + ${at}]`;
      case 'int8':
        return `(b[${s} + ${at}] << 24) >> 24`;
      case 'uint16':
        return `h[(${s} >> 1) + ${at / 2}] & 65535`;
      case 'int16':
        return `h[(${s} >> 1) + ${at / 2}]`;
      case 'uint32':
        return `w[${word(s, at)}] >>> 0`;
      case 'int32':
        return `w[${word(s, at)}]`;
      case 'float32':
        return `f[${word(s, at)}]`;
      case 'float64':
        return `d[(${s} >> 3) + ${at / 8}]`;
      case 'bigint64':
        return `l[(${s} >> 3) + ${at / 8}]`;
      case 'biguint64':
        return `BigInt.asUintN(64, l[(${s} >> 3) + ${at / 8}])`;
      case 'date':
        return `new Date(d[(${s} >> 3) + ${at / 8}])`;
      case 'safeInteger': {
        const value = this.variable(`d[(${s} >> 3) + ${at / 8}]`);
        this.line(`if (!Number.isSafeInteger(${value})) bad('a whole number is none');`);
        return value;
      }
      case 'boolean': {
        const value = this.variable(`b[${s} + ${at}]`);
        this.line(`if (${value} > 1) bad('a boolean is neither true nor false');`);
        return `${value} === 1`;
      }
    }
  }

  private array(part: Part & { readonly type: 'array' }, s: string): string {
    const { bytes, align } = part.element;
    const count = this.variable(`w[${word(s, part.at)}]`);
    const element = this.variable(align === 1 ? 'tail' : `(tail + ${align - 1}) & ${-align}`, 'let');
    this.line(`if (${count} < 0 || ${count} > ${part.lengthMax} || ${count} * ${bytes} > end - ${element}) bad('an array is too long');`);
    this.line(`tail = ${element} + ${count} * ${bytes};`);
    const result = this.variable(`new Array(${count})`);
    const index = this.name();
    this.line(`for (let ${index} = 0; ${index} < ${count}; ${index}++, ${element} += ${bytes}) {`);
    this.line(`${result}[${index}] = ${this.part(part.element.part, element)};`);
    this.line('}');
    return result;
  }

  private choice(part: ChoicePart, s: string, isField: boolean): { readonly chosen: string; readonly value: string } {
    const chosen = this.variable(`b[${s} + ${part.at}]`);
    const value = this.variable('undefined', 'let');
    this.line(`if (${chosen} === ${Choice.value}) {`);
    const { section } = part.inner;
    let inner = s;
    if (section !== undefined) {
      inner = this.variable(section.align === 1 ? 'tail' : `(tail + ${section.align - 1}) & ${-section.align}`);
      this.line(`if (end - ${inner} < ${section.bytes}) bad('it ends too early');\ntail = ${inner} + ${section.bytes};`);
    }
    this.line(`${value} = ${this.part(part.inner.part, inner)};\n}`);
    if (part.nullable) this.line(`else if (${chosen} === ${Choice.null}) ${value} = null;`);
    if (!part.optional) this.line(`else bad('there is nothing where something belongs');`);
    else this.line(`else if (${chosen} !== ${Choice.undefined}${isField ? ` && ${chosen} !== ${Choice.absent}` : ''}) bad('there is no such choice');`);
    return { chosen, value };
  }

  private object(fields: readonly FieldPart[], s: string): string {
    const values = fields.map(({ name, part, optional }) => {
      const chosen = optional ? this.choice(part as ChoicePart, s, true) : undefined;
      return { name, value: chosen?.value ?? this.part(part, s), present: chosen === undefined ? undefined : `${chosen.chosen} !== ${Choice.absent}` };
    });
    const literal = (some: typeof values): string =>
      `{ ${some.map(({ name, value }) => `${name === '__proto__' ? '["__proto__"]' : JSON.stringify(name)}: ${value}`).join(', ')} }`;
    const optional = values.filter(({ present }) => present !== undefined);
    if (optional.length === 0) return literal(values);
    // The two that nearly every message is, as literals; any other mixture property by property.
    const result = this.variable('undefined', 'let');
    this.line(`if (${optional.map(({ present }) => present).join(' && ')}) ${result} = ${literal(values)};`);
    this.line(
      `else if (!(${optional.map(({ present }) => present).join(' || ')})) ${result} = ${literal(values.filter(({ present }) => present === undefined))};`,
    );
    if (optional.length > 1) {
      this.line(`else {\n${result} = {};`);
      for (const { name, value, present } of values) {
        const set = name === '__proto__' ? `defineField(${result}, "__proto__", ${value});` : `${result}[${JSON.stringify(name)}] = ${value};`;
        this.line(present === undefined ? set : `if (${present}) ${set}`);
      }
      this.line('}');
    }
    return result;
  }

  private variable(expression: string, declaration: 'const' | 'let' = 'const'): string {
    const name = this.name();
    this.line(`${declaration} ${name} = ${expression};`);
    return name;
  }

  private name(): string {
    return `v${this.names++}`;
  }

  private line(text: string): void {
    this.lines.push(text);
  }
}

function word(s: string, at: number): string {
  return `(${s} >> 2) + ${at / 4}`;
}
