/** `nexus explain CODE`: the entry of an error code, as docs/errors.md has it. */
import { type CatalogueEntry, entryOf, MEANINGS } from '../error-catalogue/catalogue.js';
import { parseCommandLine, UsageError } from './command-line.js';
import { didYouMean } from '../model/nearest-name.js';

const COMMAND = 'explain';

export const EXPLAIN_HELP = `nexus explain CODE

Prints what an error code means, its causes, what to do, and whether to try again. The prefix NEXUS_ may be left out.

  --help                    print this
`;

export async function explain(args: readonly string[]): Promise<void> {
  const line = parseCommandLine(COMMAND, args, { help: 'flag' });
  if (line.flag('help')) {
    process.stdout.write(EXPLAIN_HELP);
    return;
  }
  const [given, unexpected] = line.positionals;
  if (given === undefined) throw new UsageError(COMMAND, 'which code? Give the code of an error, such as NEXUS_ASK_TIMEOUT');
  if (unexpected !== undefined) throw new UsageError(COMMAND, `'${unexpected}' is not expected: this command explains one code`);
  const upper = given.toUpperCase();
  const name = /^(NEXUS|GATEWAY)_/.test(upper) ? upper : `NEXUS_${upper}`;
  const entry = entryOf(name);
  if (entry === undefined) throw new UsageError(COMMAND, `there is no code '${given}'${didYouMean(name, Object.keys(MEANINGS))} All are in docs/errors.md`);
  process.stdout.write(entryText(entry));
}

export function entryText({ code, meaning, causes, remedy, retryable, retry, errorClass, status }: CatalogueEntry): string {
  const lines: readonly (readonly [string, string])[] = [
    ['Causes', causes],
    ['What to do', remedy],
    ['Try again', retry === undefined ? retryable : `${retryable}. ${retry}`],
    ['Class', errorClass],
    ['HTTP status', status],
  ];
  const texts = lines.map(([name, text]) => `${`${name}:`.padEnd(INDENT)}${wrapped(text)}`);
  return `${code}\n${meaning}\n\n${texts.join('\n')}\n`;
}

const INDENT = 13;
const LINE_WIDTH = 100;

/** Lines that fit a terminal, all but the first indented. */
function wrapped(text: string): string {
  let line = '';
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    if (line !== '' && INDENT + line.length + 1 + word.length > LINE_WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${' '.repeat(INDENT)}`);
}
