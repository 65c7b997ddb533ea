/**
 * Generates the writing function of a shape: straight-line code that checks each value where it stores it; and the checking function, which is the same without
 * the stores. `compile.ts` gives them the names they use. The interpreter writes the same bytes.
 */
import type { Constants } from './constants.js';
import { isInheritedName } from './declared-fields.js';
import { Choice, type ChoicePart, type FieldPart, type FixedType, type Part, type Section } from './message-layout.js';

/** Values of an enumeration that are compared one by one; for more, a Map is faster. */
const COMPARED_MAX = 8;

/** The body of `function write(value, m, o, limit)`. */
export function writeCode(root: Section, constants: Constants): string {
  const code = new WriteCode(constants, true);
  code.part(root.part, 'value', 'o');
  return `if (limit - o < ${root.bytes}) return -1;
const { bytes: b, halves: h, words: w, longs: l, floats: f, doubles: d } = m;
let tail = o + ${root.bytes};
${code.lines.join('\n')}
return tail;`;
}

/** The body of `function check(value)`. */
export function checkCode(root: Section, constants: Constants): string {
  const code = new WriteCode(constants, false);
  code.part(root.part, 'value', '');
  return code.lines.join('\n');
}

class WriteCode {
  readonly lines: string[] = [];
  private names = 0;

  constructor(
    private readonly constants: Constants,
    /** False to check only. */
    private readonly storing: boolean,
  ) {}

  /** `x` is the variable with the value, `s` the one with the offset of the section. */
  part(part: Part, x: string, s: string): void {
    switch (part.type) {
      case 'none':
        return this.line(`if (${x} !== undefined) fail(value);`);
      case 'string':
        this.line(`if (typeof ${x} !== 'string') fail(value);`);
        if (!this.storing) return;
        return this.tail(`writeText(m, ${x}, ${word(s, part.at)}, tail, limit)`);
      case 'bytes':
        if (!this.storing) return this.line(`if (!isBytes(${x})) fail(value);`);
        return this.tail(`writeBytes(m, ${x}, ${word(s, part.at)}, tail, limit)`);
      case 'agentRef':
        if (!this.storing) return this.line(`if (!isReference(references, ${x})) fail(value);`);
        return this.tail(`writeReference(m, references, ${x}, ${word(s, part.at)}, tail, limit)`);
      case 'enumeration':
        return this.enumeration(part.values, x, `${s} + ${part.at}`);
      case 'array':
        return this.array(part, x, s);
      case 'choice':
        this.line(`if (${x} === undefined) { ${part.optional ? this.stored(`b[${s} + ${part.at}] = ${Choice.undefined};`) : 'fail(value);'} }`);
        return this.given(part, x, s);
      case 'tuple':
        this.line(`if (!Array.isArray(${x}) || ${x}.length !== ${part.elements.length}) fail(value);`);
        for (const [index, element] of part.elements.entries()) this.part(element, this.variable(`${x}[${index}]`), s);
        return;
      case 'object':
        return this.object(part.fields, x, s);
      default:
        return this.fixed(part.type, part.at, x, s);
    }
  }

  private fixed(type: FixedType, at: number, x: string, s: string): void {
    const checked = (test: string, store: string): void => this.line(`if (${test}) fail(value);\n${this.stored(store)}`);
    const number = (test: string, store: string): void => checked(`typeof ${x} !== 'number'${test}`, store);
    const bigint = (wrap: string): void => checked(`typeof ${x} !== 'bigint' || BigInt.${wrap}(64, ${x}) !== ${x}`, `l[(${s} >> 3) + ${at / 8}] = ${x};`);
    switch (type) {
      case 'uint8':
        return number(` || ${x} !== (${x} & 255)`, `b[${s} + ${at}] = ${x};`);
      case 'int8':
        return number(` || ${x} !== ((${x} << 24) >> 24)`, `b[${s} + ${at}] = ${x};`);
      case 'uint16':
        return number(` || ${x} !== (${x} & 65535)`, `h[(${s} >> 1) + ${at / 2}] = ${x};`);
      case 'int16':
        return number(` || ${x} !== ((${x} << 16) >> 16)`, `h[(${s} >> 1) + ${at / 2}] = ${x};`);
      case 'uint32':
        return number(` || ${x} !== (${x} >>> 0)`, `w[${word(s, at)}] = ${x};`);
      case 'int32':
        return number(` || ${x} !== (${x} | 0)`, `w[${word(s, at)}] = ${x};`);
      case 'float32': {
        const rounded = this.name();
        number('', '');
        // A difference with itself is 0 unless it is not finite.
        this.line(`const ${rounded} = Math.fround(${x});`);
        return checked(`${rounded} - ${rounded} !== 0 && ${x} - ${x} === 0`, `f[${word(s, at)}] = ${rounded};`);
      }
      case 'safeInteger':
        return number(` || !Number.isSafeInteger(${x})`, `d[(${s} >> 3) + ${at / 8}] = ${x} + 0;`);
      case 'float64':
        return number('', `d[(${s} >> 3) + ${at / 8}] = ${x};`);
      case 'bigint64':
        return bigint('asIntN');
      case 'biguint64':
        return bigint('asUintN');
      case 'boolean':
        return checked(`typeof ${x} !== 'boolean'`, `b[${s} + ${at}] = ${x} ? 1 : 0;`);
      case 'date': {
        const time = this.variable(`timeOf(${x})`);
        return checked(`${time} === undefined`, `d[(${s} >> 3) + ${at / 8}] = ${time};`);
      }
    }
  }

  private enumeration(values: readonly string[], x: string, at: string): void {
    let index: string;
    if (values.length > COMPARED_MAX) {
      index = this.variable(`${this.constants.add(new Map(values.map((value, position) => [value, position])))}.get(${x})`);
      this.line(`if (${index} === undefined) fail(value);`);
    } else {
      index = this.variable('0', 'let');
      const cases = values.map((value, position) => `case ${JSON.stringify(value)}: ${index} = ${position}; break;`);
      this.line(`switch (${x}) { ${cases.join(' ')} default: fail(value); }`);
    }
    this.line(this.stored(values.length <= 256 ? `b[${at}] = ${index};` : `h[(${at}) >> 1] = ${index};`));
  }

  private array(part: Part & { readonly type: 'array' }, x: string, s: string): void {
    const { bytes, align } = part.element;
    this.line(`if (!Array.isArray(${x}) || ${x}.length > ${part.lengthMax}) fail(value);`);
    const count = this.variable(`${x}.length`);
    const index = this.name();
    const element = this.storing ? this.variable(aligned(align), 'let') : '';
    if (this.storing) {
      this.line(`if (${count} * ${bytes} > limit - ${element}) return -1;`);
      this.line(`w[${word(s, part.at)}] = ${count};\ntail = ${element} + ${count} * ${bytes};`);
    }
    this.line(`for (let ${index} = 0; ${index} < ${count}; ${index}++${this.storing ? `, ${element} += ${bytes}` : ''}) {`);
    this.part(part.element.part, this.variable(`${x}[${index}]`), element);
    this.line('}');
  }

  /** Follows what was done about undefined. */
  private given(part: ChoicePart, x: string, s: string): void {
    const byte = `b[${s} + ${part.at}]`;
    if (part.nullable) this.line(`else if (${x} === null) { ${this.stored(`${byte} = ${Choice.null};`)} }`);
    this.line(`else {\n${this.stored(`${byte} = ${Choice.value};`)}`);
    const { section } = part.inner;
    if (section === undefined || !this.storing) {
      this.part(part.inner.part, x, s);
    } else {
      const start = this.variable(aligned(section.align));
      this.line(`if (limit - ${start} < ${section.bytes}) return -1;\ntail = ${start} + ${section.bytes};`);
      this.part(section.part, x, start);
    }
    this.line('}');
  }

  private object(fields: readonly FieldPart[], x: string, s: string): void {
    this.line(`if (typeof ${x} !== 'object' || ${x} === null) fail(value);`);
    const required = fields.filter(({ optional, part }) => !optional && part.type !== 'none').length;
    // Anything would do as an object of which nothing is required.
    if (required === 0) this.line(`if (!isFieldHolder(${x})) fail(value);`);
    const present = this.variable(String(fields.filter(({ optional }) => !optional).length), fields.some(({ optional }) => optional) ? 'let' : 'const');
    for (const { name, part, optional } of fields) {
      const key = JSON.stringify(name);
      const own = isInheritedName(name);
      const has = own ? `hasOwn(${x}, ${key})` : `${key} in ${x}`;
      const field = this.variable(own ? `${has} ? ${x}[${key}] : undefined` : `${x}[${key}]`);
      if (!optional) {
        this.part(part, field, s);
        continue;
      }
      const choice = part as ChoicePart;
      this.line(`if (${field} !== undefined || ${has}) ${present}++;`);
      this.line(`if (${field} === undefined) { ${this.stored(`b[${s} + ${choice.at}] = ${has} ? ${Choice.undefined} : ${Choice.absent};`)} }`);
      this.given(choice, field, s);
    }
    const count = this.name();
    const key = this.name();
    // Counting costs a tenth of looking each name up.
    const names = this.constants.add(new Set(fields.map(({ name }) => name)));
    this.line(`let ${count} = 0;\nfor (const ${key} in ${x}) ${count}++;`);
    this.line(`if (${count} !== ${present} && undeclaredField(${x}, ${names}) !== undefined) fail(value);`);
  }

  private tail(call: string): void {
    this.line(`tail = ${call};\nif (tail < 0) { if (tail === -2) fail(value); return -1; }`);
  }

  private stored(code: string): string {
    return this.storing ? code : '';
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

function aligned(align: number): string {
  return align === 1 ? 'tail' : `(tail + ${align - 1}) & ${-align}`;
}
