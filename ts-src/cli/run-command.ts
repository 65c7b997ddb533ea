/** `nexus run`: agents of some modules, served over HTTP until a signal ends the process. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type ConsoleOptions, resolveConsoleOptions } from '../console/console-options.js';
import { createNexus } from '../create-nexus.js';
import { NexusError, NexusTypeError } from '../errors.js';
import { startGateway } from '../gateway/gateway.js';
import { GatewayError } from '../gateway/gateway-error.js';
import { type GatewayOptions, resolveGatewayOptions } from '../gateway/gateway-options.js';
import type { ClusterOptions } from '../model/cluster-options.js';
import type { Logger } from '../model/agent-context.js';
import type { Nexus } from '../nexus.js';
import type { EngineKind } from '../ports/engine.js';
import { CLUSTER_FLAGS, CLUSTER_HELP, clusterOptionsOf } from './cluster-flags.js';
import { printClusterLines, withoutClusterLines } from './cluster-lines.js';
import { type CommandLine, parseCommandLine, UsageError } from './command-line.js';
import { CommandFailure } from './command-failure.js';
import { errorText, moduleFailureText } from './error-text.js';
import { jsonLinesLogger } from './json-lines-logger.js';
import { stopOnSignals } from './shutdown.js';

const COMMAND = 'run';
const TOKEN_VARIABLE = 'NEXUS_CONSOLE_TOKEN';
/** The cluster has gone on without this node. */
const EXIT_FENCED = 3;
const DAY_MS = 86_400_000;
const DRAIN_MS = 60_000;

export const RUN_HELP = `nexus run MODULE [MODULE...] [options]

Starts the agents that the modules define on worker threads and serves them over HTTP, until SIGTERM or SIGINT.
A module exports what defineAgent returns. It may also export an async function setup(nexus), which is called once, before the port opens.

  --threads N               worker threads, 0 to 127 (default: one less than the cores)
  --port P                  port, 0 for any free one (default 8080)
  --host H                  address to bind to (default 127.0.0.1: this machine only)
  --engine KIND             native, wasm or portable (default: the best that loads)
  --shutdown-deadline MS    time to finish requests and mailboxes after a signal (default 10000)
  --drain-deadline MS       time for a node of a cluster to move its agents to the others after a signal, before it leaves (default 60000)
  --no-drain                do not: its agents end with it
  --ask-timeout MS          time an action may take (default 5000)
  --body-limit BYTES        largest body of a request (default 1048576)
  --store DIR               where durable agents are kept (needs the package lmdb)
  --flight-directory DIR    where flight records go: on a crash, and on SIGUSR2 (default: the directory for temporary files)
  --no-console              do not serve the live page below /console
  --json                    print the line that says what is served as JSON
  --help                    print this

${CLUSTER_HELP}
The live page is read-only unless NEXUS_CONSOLE_TOKEN is set: whoever knows that token may pause, resume and stop agents.

Exit code: 0 after a clean end, 1 if it could not start or the deadline passed, 2 for a mistake in the command line, 3 if the node was fenced: the\ncluster has gone on without it, and a new start joins again. Logs are JSON lines on standard error.
`;

export async function run(args: readonly string[]): Promise<void> {
  const line = parseCommandLine(COMMAND, args, {
    threads: { min: 0, max: 127 },
    port: { min: 0, max: 65_535 },
    host: 'text',
    engine: 'text',
    'shutdown-deadline': { min: 0, max: DAY_MS },
    'ask-timeout': { min: 1, max: DAY_MS },
    'body-limit': { min: 0, max: 1_073_741_824 },
    store: 'text',
    'flight-directory': 'text',
    'drain-deadline': { min: 0, max: DAY_MS },
    'no-drain': 'flag',
    'no-console': 'flag',
    ...CLUSTER_FLAGS,
    json: 'flag',
    help: 'flag',
  });
  if (line.flag('help')) {
    process.stdout.write(RUN_HELP);
    return;
  }
  if (line.positionals.length === 0) throw new UsageError(COMMAND, 'which module? Give the file of at least one');
  const engine = line.text('engine');
  if (engine !== undefined && engine !== 'native' && engine !== 'wasm' && engine !== 'portable')
    throw new UsageError(COMMAND, `--engine is '${engine}'; it must be native, wasm or portable`);
  const logger = process.stdout.isTTY && process.stderr.isTTY ? withoutClusterLines(jsonLinesLogger) : jsonLinesLogger;
  const gatewayOptions = gatewayOptionsOf(line, logger);
  const cluster = clusterOptionsOf(COMMAND, line);
  const modules = line.positionals.map((module) => (module.startsWith('file:') ? module : pathToFileURL(resolve(module)).href));
  const drainMs = cluster === undefined || line.flag('no-drain') ? undefined : (line.number('drain-deadline') ?? DRAIN_MS);
  const shutdown = stopOnSignals(line.number('shutdown-deadline') ?? 10_000, drainMs, logger);
  process.on('uncaughtException', (error) => {
    logger.error({ error }, 'an error was not caught');
    process.exit(1);
  });
  const nexus = await start(modules, engine, cluster, line, logger);
  const json = line.flag('json');
  if (nexus.cluster !== undefined) {
    printClusterLines(nexus.cluster, json, logger, (text) => process.stdout.write(`${text}\n`));
    nexus.on('draining', () => shutdown.begin());
    nexus.on('fenced', ({ because }) => void endFenced(nexus, because, json));
  }
  try {
    await setUp(nexus, modules);
    const gateway = await startGateway(nexus, gatewayOptions);
    shutdown.serving({ nexus, gateway });
    announce(nexus, gateway.url, gateway.port, json);
  } catch (error) {
    await nexus.stop({ deadlineMs: 1000 });
    throw error instanceof GatewayError ? new CommandFailure(error.message) : error;
  }
}

/** The agents get the time they have to stop; requests that wait for them do not. */
async function endFenced(nexus: Nexus, because: string, json: boolean): Promise<void> {
  const { name } = nexus.cluster?.self ?? { name: '' };
  process.stdout.write(`${json ? JSON.stringify({ event: 'fenced', node: name, because }) : `nexus: ${name} is fenced and ends: ${because}`}\n`);
  await nexus.stop().catch(() => undefined);
  process.exit(EXIT_FENCED);
}

async function start(
  modules: readonly string[],
  engine: EngineKind | undefined,
  cluster: ClusterOptions | undefined,
  line: CommandLine,
  logger: Logger,
): Promise<Nexus> {
  const threads = line.number('threads');
  const askTimeoutMs = line.number('ask-timeout');
  const directory = line.text('flight-directory');
  const store = line.text('store');
  try {
    return await createNexus({
      agents: modules,
      ...(threads === undefined ? {} : { threads }),
      ...(askTimeoutMs === undefined ? {} : { messages: { askTimeoutMs } }),
      ...(engine === undefined ? {} : { engine: { force: engine } }),
      ...(store === undefined ? {} : { storage: { path: store } }),
      ...(cluster === undefined ? {} : { cluster }),
      flightRecorder: { signal: 'SIGUSR2', ...(directory === undefined ? {} : { directory }) },
      logger,
    });
  } catch (error) {
    if (error instanceof NexusTypeError && error.data?.['option'] === 'storage' && store === undefined)
      throw new CommandFailure(error.message.replace(/: give createNexus .*$/, ': give --store DIR'));
    if (error instanceof NexusError && error.code === 'NEXUS_LISTEN_FAILED') {
      const flag = error.data?.['port'] === cluster?.listen?.dataPort ? '--cluster-data-port' : '--cluster-listen';
      throw new CommandFailure(`${error.message}; choose another with ${flag}`);
    }
    if (error instanceof NexusError || error instanceof NexusTypeError) throw new CommandFailure(moduleFailureText(error) ?? error.message);
    throw error;
  }
}

/** The gateway's own check, before anything is started. */
function gatewayOptionsOf(line: CommandLine, logger: Logger): GatewayOptions {
  const port = line.number('port');
  const host = line.text('host');
  const bodyBytesMax = line.number('body-limit');
  return resolveGatewayOptions({
    ...(port === undefined ? {} : { port }),
    ...(host === undefined ? {} : { host }),
    ...(bodyBytesMax === undefined ? {} : { bodyBytesMax }),
    console: line.flag('no-console') ? false : consoleOptionsOf(process.env[TOKEN_VARIABLE]),
    logger,
  });
}

/** The token is not on the command line, which every user of the machine can read. */
function consoleOptionsOf(token: string | undefined): ConsoleOptions {
  if (token === undefined || token === '') return {};
  try {
    resolveConsoleOptions({ token });
  } catch {
    throw new CommandFailure(`${TOKEN_VARIABLE} must be 16 to 1,024 printable ASCII characters without spaces; openssl rand -hex 32 makes a good one`);
  }
  return { token };
}

/** Calls the `setup` of each module that has one, in the order of the command line. The modules are loaded: importing them again only finds them. */
async function setUp(nexus: Nexus, modules: readonly string[]): Promise<void> {
  for (const module of modules) {
    const { setup } = (await import(module)) as { setup?: unknown };
    if (setup === undefined) continue;
    if (typeof setup !== 'function') throw new CommandFailure(`${module}: the export 'setup' is not a function`);
    try {
      await setup(nexus);
    } catch (error) {
      throw new CommandFailure(`setup of ${module} failed:\n${errorText(error)}`);
    }
  }
}

function announce(nexus: Nexus, url: string, port: number, json: boolean): void {
  const kinds = nexus.kinds().map(({ kind }) => kind);
  const threads = nexus.threadCount - 1;
  const engine = nexus.engine.kind;
  const text = `nexus: serving ${kinds.join(', ')} on ${url} with ${threads} thread${threads === 1 ? '' : 's'} (${engine} engine)`;
  process.stdout.write(`${json ? JSON.stringify({ event: 'serving', url, port, kinds, threads, engine, pid: process.pid }) : text}\n`);
}
