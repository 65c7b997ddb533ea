/** `nexus trace ID`: the messages of one agent as it handles them, line by line, until it ends or the reader has seen enough. */
import type { FollowedMessage } from '../model/observation.js';
import { inspectionPath, inspectAgent, isNotThere } from './agent-lookup.js';
import { ADDRESS_HELP, ADDRESS_OPTIONS, type ConsoleAddress, consoleAddress } from './console-address.js';
import { askConsole } from './console-client.js';
import { openConsoleStream } from './console-stream.js';
import type { CommandFailure } from './command-failure.js';
import { parseCommandLine, UsageError } from './command-line.js';
import { oneLine } from './inspect-command.js';
import { durationText, timeText } from './quantity-text.js';
import { endWithReader, isAsciiOnly, print, wantsColor } from './standard-output.js';
import { cut, harmless, harmlessJson, padded, widthOf } from './terminal-text.js';

const COMMAND = 'trace';
const SILENCE_MAX_MS = 30_000;
/** What the gateway closes the stream with then; the id may be that of another agent by now. */
const AGENT_ENDED = 'the agent has ended';

export const TRACE_HELP = `nexus trace ID [options]

Follows the messages of an agent of a running service: when its handler was called, who sent it, the action (with a ? if the sender asks for
a reply), how long it took, what became of it, the input. Only messages that come from now on. Ends when the agent ends, with ctrl-c, or after
--limit messages. Put -- before an id that begins with a dash.

  --limit N                 end after so many messages, 1 to 1000000000
  --json                    print each message as a line of JSON
  --no-color                no colours (also: NO_COLOR)
${ADDRESS_HELP}
  --help                    print this

Exit code: 0 if the agent ended, after --limit messages, or with ctrl-c; 1 if there is no such agent, the service did not answer, or the
connection was lost; 2 for a mistake in the command line.
`;

export async function trace(args: readonly string[]): Promise<void> {
  const line = parseCommandLine(COMMAND, args, { limit: { min: 1, max: 1_000_000_000 }, json: 'flag', 'no-color': 'flag', ...ADDRESS_OPTIONS, help: 'flag' });
  if (line.flag('help')) {
    process.stdout.write(TRACE_HELP);
    return;
  }
  const [id, unexpected] = line.positionals;
  if (id === undefined || id === '') throw new UsageError(COMMAND, 'which agent? Give its id: nexus agents lists them');
  if (unexpected !== undefined) throw new UsageError(COMMAND, `'${unexpected}' is not expected: give one id`);
  const address = consoleAddress(COMMAND, line, process.env);
  endWithReader();
  process.once('SIGINT', () => process.exit(0));
  const agent = await inspectAgent(address, id);
  const isJson = line.flag('json');
  const look: TraceLook = {
    columns: () => (process.stdout.isTTY ? process.stdout.columns || 80 : undefined),
    isColored: wantsColor(process.stdout.isTTY, line.flag('no-color'), process.env),
    isAscii: process.stdout.isTTY && isAsciiOnly(process.env, process.platform),
  };
  // On standard error: what is on standard output is messages and nothing else.
  const note = (text: string): void => void process.stderr.write(`nexus: ${text}\n`);
  note(`following ${harmless(agent.kind)} ${harmless(agent.id)} on thread ${agent.thread}; ctrl-c ends it`);
  await follow(address, id, line.number('limit') ?? Number.POSITIVE_INFINITY, {
    message: (message) => print(isJson ? harmlessJson(message) : traceLine(message, look)),
    dropped: (count) => note(`${count} messages came faster than they could be shown`),
    ended: () => note('the agent has ended'),
  });
}

interface Follower {
  message(message: FollowedMessage): void;
  dropped(count: number): void;
  ended(): void;
}

/** Resolves when there is nothing more to show. @throws CommandFailure if that was not its end but that of the connection */
async function follow(address: ConsoleAddress, id: string, limit: number, follower: Follower): Promise<void> {
  let shown = 0;
  const lost = await new Promise<CommandFailure | 'ended' | 'enough'>((resolve) => {
    const stream = openConsoleStream(address, `/console/follow?${new URLSearchParams({ id })}`, SILENCE_MAX_MS, {
      opened: () => undefined,
      received(received) {
        if (received['type'] === 'message') {
          follower.message(received['message'] as FollowedMessage);
          if (++shown >= limit) finish('enough');
        } else if (received['type'] === 'dropped') follower.dropped(Number(received['count']));
        else if (received['type'] === 'ended') finish('ended');
      },
      ended: (reason, goodbye) => resolve(goodbye === AGENT_ENDED ? 'ended' : reason),
    });
    const finish = (how: 'ended' | 'enough'): void => {
      stream.close();
      resolve(how);
    };
  });
  if (lost === 'enough') return;
  if (lost !== 'ended' && !(await hasEnded(address, id, lost))) throw lost;
  follower.ended();
}

/** After the stream has ended, the agent itself tells whether that was why. */
async function hasEnded(address: ConsoleAddress, id: string, lost: CommandFailure): Promise<boolean> {
  if (isNotThere(lost)) return true;
  return askConsole(address, inspectionPath(id)).then(() => false, isNotThere);
}

export interface TraceLook {
  /** Undefined where a line may be as long as it is. */
  columns(): number | undefined;
  readonly isColored: boolean;
  readonly isAscii: boolean;
}

/** Pure: `12:03:04.005  desk d1  pay?  1.25ms  handled  { by: 1 }`, in columns. */
export function traceLine(message: FollowedMessage, { columns, isColored, isAscii }: TraceLook): string {
  const { atMs, sender, action, isAsk, input, tookMs, outcome, error } = message;
  const clean = (text: string): string => harmless(text, isAscii);
  const from = padded(clean(sender ?? '(outside)'), 20, 'left', isAscii);
  const what = padded(clean(`${action}${isAsk ? '?' : ''}`), 16, 'left', isAscii);
  const before = `${timeText(atMs)}  ${from}  ${what}  ${padded(durationText(tookMs, isAscii), 7, 'right')}  `;
  const rest = `  ${clean(oneLine(error === undefined ? input.text : `${error}; the input was ${input.text}`, input.isCut))}`;
  const became = padded(clean(outcome), 7);
  const width = columns();
  const after = width === undefined ? rest : cut(rest, width - widthOf(before) - 7, isAscii);
  const line = width === undefined || widthOf(before) + 7 <= width ? undefined : cut(before + became, width, isAscii);
  if (line !== undefined) return line;
  return isColored && outcome !== 'handled' ? `${before}\x1b[31m${became}\x1b[0m${after}`.trimEnd() : `${before}${became}${after}`.trimEnd();
}
