/** `nexus drain`: a running node is emptied and leaves its cluster, asked over its console. */
import { ADDRESS_HELP, ADDRESS_OPTIONS, consoleAddress } from './console-address.js';
import { askConsole } from './console-client.js';
import { CommandFailure } from './command-failure.js';
import { parseCommandLine, UsageError } from './command-line.js';
import { endWithReader, print } from './standard-output.js';
import { harmless, harmlessJson } from './terminal-text.js';

const COMMAND = 'drain';

export const DRAIN_HELP = `nexus drain [options]

Empties a running node of a cluster: its agents move to the other nodes, what is asked of it is answered, and then it leaves and ends. Needs the token of its
console (NEXUS_CONSOLE_TOKEN). The command ends when the node has begun; 'nexus nodes', asked of another node, shows when it has gone.

  --json                    print the answer as JSON
${ADDRESS_HELP}
  --help                    print this

Exit code: 0; 1 if the service did not answer, is no node of a cluster, or may not be drained; 2 for a mistake in the command line.
`;

export async function drain(args: readonly string[]): Promise<void> {
  const line = parseCommandLine(COMMAND, args, { json: 'flag', ...ADDRESS_OPTIONS, help: 'flag' });
  if (line.flag('help')) {
    process.stdout.write(DRAIN_HELP);
    return;
  }
  const [unexpected] = line.positionals;
  if (unexpected !== undefined) throw new UsageError(COMMAND, `'${unexpected}' is not expected: the node is named by the address of its console, with --url`);
  const address = consoleAddress(COMMAND, line, process.env);
  endWithReader();
  const answer = await askConsole(address, '/console/drain', undefined, 'POST');
  const node = (answer as { readonly node?: unknown }).node;
  if (typeof node !== 'string') throw new CommandFailure(`what answers at ${address.url} does not say which node it is`);
  if (line.flag('json')) print(harmlessJson({ node, draining: true }, 2));
  else process.stdout.write(`nexus: ${harmless(node)} drains: its agents move to the other nodes, and then it leaves\n`);
}
