/** Reads values of EDN, the notation of the logs of Jepsen, from one line, and writes them. Keywords and symbols become texts, tags are dropped. Called by `history-log.ts`. */

/** What is no value: where in the text, from 0. */
export class EdnMistake extends Error {
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

const DEPTH_MAX = 64;
const CLOSING: Readonly<Record<string, string>> = { '[': ']', '(': ')', '{': '}' };
const NAMED_CHARACTERS: Readonly<Record<string, string>> = { newline: '\n', space: ' ', tab: '\t', return: '\r' };

export class EdnReader {
  readonly #text: string;
  #at: number;

  constructor(text: string, at = 0) {
    this.#text = text;
    this.#at = at;
  }

  get at(): number {
    return this.#at;
  }

  /** Whether nothing but blanks and a comment is left. */
  get isAtEnd(): boolean {
    this.#skip();
    return this.#at >= this.#text.length;
  }

  /** The next value. @throws EdnMistake */
  value(depth = 0): unknown {
    this.#skip();
    if (depth > DEPTH_MAX) throw new EdnMistake(`values are nested deeper than ${DEPTH_MAX}`, this.#at);
    const start = this.#at;
    const character = this.#text[start];
    if (character === undefined) throw new EdnMistake('a value is missing at the end of the line', start);
    if (character === '"') return this.#string();
    if (character === '[' || character === '(') return this.#elements(CLOSING[character] as string, depth, 1);
    if (character === '{') return this.#map(depth);
    if (character === '#') {
      if (this.#text[start + 1] === '{') return this.#elements('}', depth, 2);
      this.#at++;
      const tag = this.#token();
      if (tag === '' || /^[0-9]/.test(tag)) throw new EdnMistake(`'#${tag}' is no tag`, start);
      return this.value(depth + 1);
    }
    if (character === '\\') {
      this.#at += 2;
      const rest = this.#token();
      const name = `${this.#text[start + 1] ?? ''}${rest}`;
      return NAMED_CHARACTERS[name] ?? name;
    }
    if (/[\]})]/.test(character)) throw new EdnMistake(`'${character}' closes nothing`, start);
    return atom(this.#token(), start);
  }

  #string(): string {
    const start = this.#at;
    const end = /"(?:[^"\\]|\\.)*"/y;
    end.lastIndex = start;
    const [text] = end.exec(this.#text) ?? [];
    if (text === undefined) throw new EdnMistake('a text has no end', start);
    this.#at += text.length;
    try {
      return JSON.parse(text) as string;
    } catch {
      throw new EdnMistake(`${text} is no text`, start);
    }
  }

  #elements(closing: string, depth: number, skipped: number): unknown[] {
    const start = this.#at;
    this.#at += skipped;
    const elements: unknown[] = [];
    for (;;) {
      this.#skip();
      if (this.#at >= this.#text.length) throw new EdnMistake(`'${this.#text[start]}' is not closed`, start);
      if (this.#text[this.#at] === closing) break;
      elements.push(this.value(depth + 1));
    }
    this.#at++;
    return elements;
  }

  #map(depth: number): Record<string, unknown> {
    const start = this.#at;
    const elements = this.#elements('}', depth, 1);
    if (elements.length % 2 !== 0) throw new EdnMistake('a map has a key without a value', start);
    const map: Record<string, unknown> = {};
    for (let index = 0; index < elements.length; index += 2)
      Object.defineProperty(map, String(elements[index]), { value: elements[index + 1], enumerable: true, configurable: true, writable: true });
    return map;
  }

  #token(): string {
    const token = /[^\s,;"[\](){}]*/y;
    token.lastIndex = this.#at;
    const [text = ''] = token.exec(this.#text) ?? [];
    this.#at += text.length;
    return text;
  }

  #skip(): void {
    const blank = /(?:[\s,]|;.*$)*/y;
    blank.lastIndex = this.#at;
    this.#at += blank.exec(this.#text)?.[0].length ?? 0;
  }
}

function atom(text: string, at: number): unknown {
  if (text === 'nil') return null;
  if (text === 'true' || text === 'false') return text === 'true';
  if (/^:[^:\s]+$/.test(text)) return text.slice(1);
  if (/^[+-]?\d+N?$/.test(text)) {
    const value = Number(text.replace('N', ''));
    return Number.isSafeInteger(value) ? value : BigInt(text.replace('N', '').replace('+', ''));
  }
  if (/^[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?M?$/.test(text)) return Number(text.replace('M', ''));
  if (/^[+-]?\d+\/\d+$/.test(text))
    return text
      .split('/')
      .map(Number)
      .reduce((a, b) => a / b);
  if (/^[^\d:#'"\\]/.test(text)) return text;
  throw new EdnMistake(`'${text.slice(0, 40)}' is no value`, at);
}

/** A value as EDN. Keys of maps become keywords where they can. */
export function ednText(value: unknown): string {
  if (value === null || value === undefined) return 'nil';
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}N`;
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${value.map(ednText).join(' ')}]`;
  return `{${Object.entries(value)
    .map(([key, each]) => `${/^[A-Za-z][\w-]*$/.test(key) ? `:${key}` : ednText(key)} ${ednText(each)}`)
    .join(', ')}}`;
}
