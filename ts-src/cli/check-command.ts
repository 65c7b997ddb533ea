/** `nexus check`: judges a log of operations, as Jepsen writes them, and draws what is wrong with it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { NexusTypeError } from '../errors.js';
import { checkLinearizable, type LinearizabilityResult } from '../testing/linearizability/check-linearizable.js';
import { parseHistory } from '../testing/linearizability/history-log.js';
import { drawFailure } from '../testing/linearizability/history-picture.js';
import { casRegisterModel, keyValueModel, registerModel, type SequentialModel } from '../testing/linearizability/sequential-model.js';
import { CommandFailure } from './command-failure.js';
import { parseCommandLine, UsageError, unknownName } from './command-line.js';
import { harmless } from './terminal-text.js';

const COMMAND = 'check';
const DAY_MS = 86_400_000;

type Model = SequentialModel<unknown, never, unknown>;

/** With the values as pairs of a key and a value where the model has keys. */
const MODELS: Readonly<Record<string, { readonly isKeyed: boolean; readonly model: () => Model }>> = {
  register: { isKeyed: false, model: () => registerModel() as Model },
  cas: { isKeyed: false, model: () => casRegisterModel() as Model },
  map: { isKeyed: true, model: () => keyValueModel() as Model },
};

const EXIT: Readonly<Record<LinearizabilityResult['verdict'], number>> = { linearizable: 0, notLinearizable: 1, unknown: 3 };

export const CHECK_HELP = `nexus check FILE [options]

Says whether a log of operations is linearizable. The log has a line for each call and each end, as Jepsen writes them:
  {:process 0, :type :invoke, :f :write, :value 3}      or the columns      0 :invoke :write 3
with :invoke, :ok, :fail (it has not happened) and :info (it may happen later, or never).

  --model NAME              register: read and write; cas: these and cas, with [OLD NEW] (default);
                            map: these, append and remove by key, with values [KEY VALUE]
  --svg FILE                draw what cannot be ordered
  --time MS                 give up after so long (default 60000)
  --json                    print the verdict as JSON
  --help                    print this

Exit code: 0 if it is linearizable, 1 if not, or the log cannot be read, 2 for a mistake in the command line, 3 if it was not decided in time.
`;

export async function check(args: readonly string[]): Promise<void> {
  const line = parseCommandLine(COMMAND, args, { model: 'text', svg: 'text', time: { min: 1, max: DAY_MS }, json: 'flag', help: 'flag' });
  if (line.flag('help')) {
    process.stdout.write(CHECK_HELP);
    return;
  }
  const [file, unexpected] = line.positionals;
  if (file === undefined) throw new UsageError(COMMAND, 'which log? Give its file');
  if (unexpected !== undefined) throw new UsageError(COMMAND, `'${unexpected}' is not expected: one log at a time`);
  const name = line.text('model') ?? 'cas';
  const known = Object.hasOwn(MODELS, name) ? MODELS[name] : undefined;
  if (known === undefined) throw new UsageError(COMMAND, unknownName('model', name, Object.keys(MODELS)));
  const model = known.model();
  const result = judged(model, textOf(file), file, known.isKeyed, line.number('time') ?? 60_000);
  const svg = line.text('svg');
  if (svg !== undefined && result.verdict === 'notLinearizable') written(svg, drawFailure(model, result.failures[0] as (typeof result.failures)[0]));
  const { verdict, parts, operations, steps, text } = result;
  const failed =
    result.verdict === 'notLinearizable'
      ? { failed: result.failures.map(({ part, prefixes }) => ({ part, ordered: prefixes[0]?.order.length, next: prefixes[0]?.next })) }
      : {};
  if (line.flag('json')) process.stdout.write(`${JSON.stringify({ verdict, model: model.name, operations, parts, steps, ...failed })}\n`);
  else
    process.stdout.write(
      `${text
        .split('\n')
        .map((each) => harmless(each))
        .join('\n')}\n`,
    );
  process.exitCode = EXIT[verdict];
}

function judged(model: Model, text: string, name: string, keyed: boolean, timeMs: number): LinearizabilityResult {
  try {
    return checkLinearizable(model, parseHistory(text, { name, keyed }) as never, { timeMs });
  } catch (error) {
    throw error instanceof NexusTypeError ? new CommandFailure(error.message) : error;
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandFailure(`${file} cannot be read: ${(error as Error).message}`);
  }
}

function written(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new CommandFailure(`${file} cannot be written: ${(error as Error).message}`);
  }
}
