/** `node service.mjs`: the service on its own, until a signal ends it. Called by `service.mjs`, which gives itself along. */
import { parseArgs } from 'node:util';
import { createNexus } from 'nexus-agents';

const HELP = `Usage: node examples/rate-limiter/service.mjs [options]

  --port N      port to listen on, 0 for any (default 8080)
  --host NAME   address to listen on (default 127.0.0.1)
  --threads N   worker threads (default: one less than the cores, at least 1)
  --rate N      requests a second and client (default 5)
  --burst N     requests at once of a client that has rested (default 10)
  --help        this text

GET /check?client=ID (or header x-client-id) answers 200 or 429; GET /stats and GET /stats?client=ID show what happens.
`;

/**
 * @param {string[]} argv
 * @param {{ modules: URL[], startService: typeof import('./service.mjs').startService }} needs
 */
export async function runService(argv, { modules, startService }) {
  const settings = readSettings(argv);
  if (settings === undefined) return;
  const nexus = await createNexus({ agents: modules, ...(settings.threads === undefined ? {} : { threads: settings.threads }) });
  let service;
  try {
    service = await startService(nexus, settings.service);
  } catch (error) {
    console.error(`rate limiter: ${error instanceof Error ? error.message : String(error)}`);
    await nexus.stop();
    process.exitCode = 1;
    return;
  }
  console.log(`rate limiter on ${service.url}, ${nexus.threadCount - 1} worker threads, ${nexus.engine.kind} engine; Ctrl-C ends it`);
  let isEnding = false;
  const end = async () => {
    if (isEnding) process.exit(1);
    isEnding = true;
    await service.close();
    const report = await nexus.stop();
    console.log(report.complete ? 'all requests were answered' : `${report.discarded} messages were discarded`);
    // Listeners for signals would keep nothing alive, but a second signal must not be swallowed by a process that is done.
    process.off('SIGINT', end).off('SIGTERM', end);
  };
  process.on('SIGINT', end).on('SIGTERM', end);
}

/** @param {string[]} argv */
function readSettings(argv) {
  try {
    const text = /** @type {const} */ ({ type: 'string' });
    const { values } = parseArgs({
      args: argv,
      options: { port: text, host: text, threads: text, rate: text, burst: text, help: { type: 'boolean' } },
    });
    if (values.help) {
      process.stdout.write(HELP);
      return undefined;
    }
    const policy = {
      ...(values.rate === undefined ? {} : { rate: within('rate', values.rate, 0.001, 1_000_000, false) }),
      ...(values.burst === undefined ? {} : { burst: within('burst', values.burst, 1, 1_000_000, true) }),
    };
    return {
      threads: values.threads === undefined ? undefined : within('threads', values.threads, 0, 127, true),
      service: {
        port: within('port', values.port ?? '8080', 0, 65_535, true),
        host: values.host ?? '127.0.0.1',
        ...(Object.keys(policy).length === 0 ? {} : { policy }),
      },
    };
  } catch (error) {
    console.error(`rate limiter: ${error instanceof Error ? error.message : String(error)}\nTry --help.`);
    process.exitCode = 2;
    return undefined;
  }
}

/**
 * @param {string} name
 * @param {string} text
 * @param {number} min
 * @param {number} max
 * @param {boolean} isWhole
 */
function within(name, text, min, max, isWhole) {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value < min || value > max || (isWhole && !Number.isInteger(value))) {
    throw new RangeError(`--${name} is '${text}'; it must be a ${isWhole ? 'whole ' : ''}number from ${min} to ${max}`);
  }
  return value;
}
