/** The command line of the demo: text in, checked options out. Pure. */
import { parseArgs } from 'node:util';

export const HELP = `Usage: npm run demo -- [options]

Starts the rate limiter on a free port of this machine, loads it from another process, checks every answer, and prints what it saw.
The exit code is 0 only if every request was answered correctly, 1 if not, 2 for options that are not understood.

  --duration S      seconds of load (default 10)
  --clients N       distinct clients (default 50,000)
  --threads N       worker threads (default: one less than the cores, at least 1)
  --connections N   connections that send requests (default 64)
  --log FILE        replay a web server's access log (Common or Combined Log Format) instead of made-up traffic, in the time of the log
  --json            print the result as JSON, and nothing else, on standard output
  --help            this text
`;

/**
 * @typedef {object} DemoOptions
 * @property {number} seconds
 * @property {number} clients
 * @property {number | undefined} threads
 * @property {number} connections
 * @property {string | undefined} log
 * @property {boolean} json
 * @property {string[]} unused  Options that were given and mean nothing for this run.
 */

/** @type {DemoOptions} */
export const DEFAULT_OPTIONS = { seconds: 10, clients: 50_000, threads: undefined, connections: 64, log: undefined, json: false, unused: [] };

/**
 * @param {string[]} argv
 * @returns {{ type: 'run', options: DemoOptions } | { type: 'help' } | { type: 'invalid', message: string }}
 */
export function parseOptions(argv) {
  const text = /** @type {const} */ ({ type: 'string' });
  const flag = /** @type {const} */ ({ type: 'boolean' });
  try {
    const { values } = parseArgs({
      args: argv,
      options: { duration: text, clients: text, threads: text, connections: text, log: text, json: flag, help: flag },
    });
    if (values.help) return { type: 'help' };
    if (values.log === '') throw new RangeError('--log needs the name of a file');
    const unused = values.log === undefined ? [] : ['duration', 'clients'].filter((name) => values[/** @type {'duration'} */ (name)] !== undefined);
    return {
      type: 'run',
      options: {
        seconds: read('duration', values.duration, DEFAULT_OPTIONS.seconds, 0.1, 86_400, false),
        clients: read('clients', values.clients, DEFAULT_OPTIONS.clients, 1, 1_000_000, true),
        threads: values.threads === undefined ? undefined : read('threads', values.threads, 1, 0, 127, true),
        connections: read('connections', values.connections, DEFAULT_OPTIONS.connections, 1, 2000, true),
        log: values.log,
        json: values.json === true,
        unused,
      },
    };
  } catch (error) {
    return { type: 'invalid', message: /** @type {Error} */ (error).message };
  }
}

/**
 * @param {string} name
 * @param {string | undefined} value
 * @param {number} byDefault
 * @param {number} min
 * @param {number} max
 * @param {boolean} isWhole
 */
function read(name, value, byDefault, min, max, isWhole) {
  if (value === undefined) return byDefault;
  const number = /^\d+(\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= min && number <= max) || (isWhole && !Number.isInteger(number))) {
    throw new RangeError(
      `--${name} is '${value}'; it must be a ${isWhole ? 'whole ' : ''}number from ${min.toLocaleString('en')} to ${max.toLocaleString('en')}`,
    );
  }
  return number;
}
