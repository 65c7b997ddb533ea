/** `nexus where ID`: which node of the cluster runs an agent, and who says so. Asked of the console of any node. */
import type { WhereAnswer } from '../console/protocol.js';
import { agentPath } from '../model/agent-path.js';
import { noSuchAgent } from './agent-lookup.js';
import { CommandFailure } from './command-failure.js';
import { ADDRESS_HELP, ADDRESS_OPTIONS, consoleAddress } from './console-address.js';
import { askConsole } from './console-client.js';
import { parseCommandLine, UsageError } from './command-line.js';
import { endWithReader, print } from './standard-output.js';
import { harmless, harmlessJson } from './terminal-text.js';
import { textTable } from './text-table.js';

const COMMAND = 'where';
/** Tokens are `view * 2^24 + number`. */
const TOKENS_OF_VIEW = 2 ** 24;

export const WHERE_HELP = `nexus where ID [options]

Says which node of the cluster runs an agent, and which nodes know that. Any node of the cluster can be asked.
Put -- before an id that begins with a dash.

  --json                    print it as JSON
${ADDRESS_HELP}
  --help                    print this

Exit code: 0; 1 if no agent has the id, or the service did not answer; 2 for a mistake in the command line.
`;

export async function where(args: readonly string[]): Promise<void> {
  const line = parseCommandLine(COMMAND, args, { json: 'flag', ...ADDRESS_OPTIONS, help: 'flag' });
  if (line.flag('help')) {
    process.stdout.write(WHERE_HELP);
    return;
  }
  const [id, unexpected] = line.positionals;
  if (id === undefined || id === '') throw new UsageError(COMMAND, 'which agent? Give its id: nexus agents lists those of one node');
  if (unexpected !== undefined) throw new UsageError(COMMAND, `'${unexpected}' is not expected: give one id`);
  const address = consoleAddress(COMMAND, line, process.env);
  endWithReader();
  const answer = await askConsole(address, agentPath('/console/where/', id));
  if (!isWhereAnswer(answer)) throw new CommandFailure(`what the gateway at ${address.url} sent does not say where an agent is`);
  if (line.flag('json')) print(harmlessJson(answer, 2));
  else if (answer.location !== undefined) process.stdout.write(whereText(id, answer));
  if (answer.location !== undefined) return;
  // Who would say so is worth knowing also then.
  if (!line.flag('json') && answer.known !== undefined) process.stdout.write(whereText(id, answer));
  throw answer.known === undefined ? await noSuchAgent(address, id) : new CommandFailure(`no agent of the cluster has the id '${harmless(id)}'`);
}

/** Pure: what is printed. */
export function whereText(id: string, { location, known }: WhereAnswer): string {
  const head =
    location === undefined
      ? `${harmless(id)} is nobody's`
      : `${harmless(location.kind)} ${harmless(location.id)} is ${location.node === undefined ? 'in this process' : `on node ${harmless(location.node.name)}`}${
          location.thread === undefined ? '' : `, thread ${location.thread}`
        }`;
  if (known === undefined) return `${head}\n`;
  const { owner, partition, copies, registration, waitingFor } = known;
  const rows = [
    ['owner', owner === undefined ? 'not known: the node that was asked has no view yet' : `${harmless(owner)} (partition ${partition} of 4096)`],
    ['copies', copies.length === 0 ? '-' : copies.map((name) => harmless(name)).join(', ')],
    ...(registration === undefined
      ? []
      : [
          ['placement', registration.placement === 'ring' ? 'ring: moves with the owner of its id' : 'pinned: stays where it was started'],
          ['token', `${registration.token} (number ${registration.token % TOKENS_OF_VIEW} of view ${Math.floor(registration.token / TOKENS_OF_VIEW)})`],
        ]),
    ...(waitingFor.length === 0
      ? []
      : [['waits for', `${waitingFor.map((name) => harmless(name)).join(', ')}: the owner cannot say before they have reported`]]),
  ];
  return `${[head, ...textTable(rows)].join('\n')}\n`;
}

function isWhereAnswer(value: unknown): value is WhereAnswer {
  if (typeof value !== 'object' || value === null) return false;
  const { location, known } = value as WhereAnswer;
  return (
    (location === undefined || typeof location.id === 'string') && (known === undefined || (typeof known.partition === 'number' && Array.isArray(known.copies)))
  );
}
