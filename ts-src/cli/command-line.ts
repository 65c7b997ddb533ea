/** Reads the arguments of a command: options that are known, with values that are what they should be. Every mistake is a `UsageError`. */
import { parseArgs } from 'node:util';
import { didYouMean } from '../model/nearest-name.js';

export type OptionKind = 'flag' | 'text' | { readonly min: number; readonly max: number };

export interface CommandLine {
  readonly positionals: readonly string[];
  flag(name: string): boolean;
  text(name: string): string | undefined;
  number(name: string): number | undefined;
}

/** The command was called wrongly: exit code 2. */
export class UsageError extends Error {
  /** The command whose help says how it is called. */
  readonly command: string;

  constructor(command: string, message: string) {
    super(message);
    this.command = command;
  }
}

/** @param command as the user typed it, for messages. */
export function parseCommandLine(command: string, args: readonly string[], options: Readonly<Record<string, OptionKind>>): CommandLine {
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(Object.entries(options).map(([name, kind]) => [name, { type: kind === 'flag' ? ('boolean' as const) : ('string' as const) }])),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const positionals: string[] = [];
  const values = new Map<string, string | number | true>();
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const kind = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (kind === undefined)
      throw new UsageError(
        command,
        unknownName(
          'option',
          token.rawName,
          Object.keys(options).map((name) => `--${name}`),
        ),
      );
    values.set(token.name, checkedValue(command, token.rawName, kind, token.value));
  }
  return {
    positionals,
    flag: (name) => values.has(name),
    text: (name) => values.get(name) as string | undefined,
    number: (name) => values.get(name) as number | undefined,
  };
}

/** "unknown option '--prot'; did you mean '--port'? ..." */
export function unknownName(what: string, name: string, known: readonly string[]): string {
  return `unknown ${what} '${name}'${didYouMean(name, known)} There ${known.length === 1 ? 'is' : 'are'} ${known.join(', ')}`;
}

function checkedValue(command: string, name: string, kind: OptionKind, text: string | undefined): string | number | true {
  if (kind === 'flag') {
    if (text !== undefined) throw new UsageError(command, `${name} takes no value`);
    return true;
  }
  if (text === undefined || text === '') throw new UsageError(command, `${name} needs a value`);
  if (kind === 'text') return text;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= kind.min && value <= kind.max))
    throw new UsageError(command, `${name} is '${text}'; it must be a whole number from ${kind.min} to ${kind.max}`);
  return value;
}
