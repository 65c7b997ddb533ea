#!/usr/bin/env node
/** The command `nexus`: finds the command that was meant, and turns its failures into exit codes. Commands are in files of their own. */
import { readFileSync } from 'node:fs';
import { parseCommandLine, UsageError, unknownName } from './command-line.js';
import { CommandFailure } from './command-failure.js';

type Command = (args: readonly string[]) => Promise<void>;

/** Each is loaded when it is called: a command that asks a service needs nothing of the runtime. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  init: async () => (await import('./init/init-command.js')).init,
  run: async () => (await import('./run-command.js')).run,
  top: async () => (await import('./top/top-command.js')).top,
  agents: async () => (await import('./agents-command.js')).agents,
  nodes: async () => (await import('./nodes-command.js')).nodes,
  where: async () => (await import('./where-command.js')).where,
  drain: async () => (await import('./drain-command.js')).drain,
  inspect: async () => (await import('./inspect-command.js')).inspect,
  trace: async () => (await import('./trace-command.js')).trace,
  sim: async () => (await import('./sim/sim-command.js')).sim,
  chaos: async () => (await import('./chaos/chaos-command.js')).chaos,
  check: async () => (await import('./check-command.js')).check,
  topology: async () => (await import('./topology.js')).topology,
  flight: async () => (await import('./flight.js')).flight,
  explain: async () => (await import('./explain.js')).explain,
};

const HELP = `nexus COMMAND [options]

  nexus init DIR            make a project with an agent, a test and a service
  nexus run MODULE...       serve the agents of some modules over HTTP
  nexus top                 look at a running service: threads, actions, mailboxes
  nexus agents              list its agents
  nexus nodes               list the nodes of its cluster
  nexus where ID            which node runs an agent
  nexus drain               empty a node of a cluster, and let it leave
  nexus inspect ID          look into one of them
  nexus trace ID            follow the messages of one
  nexus sim MODULE          run simulated clusters in which things go wrong, from seeds
  nexus chaos [PLAN]        run real processes in which things go wrong, and judge what their clients see
  nexus check FILE          whether a log of operations is linearizable
  nexus topology            what the host is made of, and where threads would go
  nexus flight FILE         what the threads of a nexus did last, from its flight record
  nexus explain CODE        what an error code means, and what to do
  nexus COMMAND --help      what a command takes
  nexus --version           print the version
`;

async function main(given: readonly string[]): Promise<void> {
  // `nexus help top` is what many commands call `nexus top --help`.
  const args = given[0] === 'help' ? [...given.slice(1, 2), '--help'] : given;
  const [name, ...rest] = args;
  if (name !== undefined && !name.startsWith('-')) {
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (command === undefined) throw new UsageError('', unknownName('command', name, Object.keys(COMMANDS)));
    return (await command())(rest);
  }
  const line = parseCommandLine('', args, { version: 'flag', help: 'flag' });
  if (line.flag('version')) process.stdout.write(`${version()}\n`);
  else if (line.flag('help')) process.stdout.write(HELP);
  else throw new UsageError('', `which command? There is ${Object.keys(COMMANDS).join(', ')}`);
}

function version(): string {
  return (JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }).version;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`nexus: ${error.message}\nSee: nexus ${error.command === '' ? '' : `${error.command} `}--help\n`);
    process.exit(2);
  }
  process.stderr.write(`nexus: ${error instanceof CommandFailure ? error.message : ((error as Error)?.stack ?? String(error))}\n`);
  process.exit(1);
}
