/** `node examples/orders/main.mjs --store PATH`: the service on its own, until a signal ends it. Or until it is killed: that is what it is about. */
import { parseArgs } from 'node:util';
import { createNexus } from 'nexus-agents';
import { MODULES, startService } from './service.mjs';

const HELP = `Usage: node examples/orders/main.mjs --store PATH [options]

  --store PATH            directory where orders and articles are kept
  --port N                port to listen on, 0 for any (default 8080)
  --threads N             worker threads (default 2)
  --payment-within-ms N   time to pay in (default 900000)
  --help                  this text
`;

const settings = readSettings(process.argv.slice(2));
if (settings !== undefined) await run(settings);

/** @param {NonNullable<ReturnType<typeof readSettings>>} settings */
async function run({ path, port, threads, paymentWithinMs }) {
  const nexus = await createNexus({ agents: MODULES, threads, storage: { path } }).catch(complain);
  if (nexus === undefined) return;
  nexus.subscribe('orders.>', ({ data }) => console.log(`order ${data.order}: ${data.status}`));
  const service = await startService(nexus, { port, ...(paymentWithinMs === undefined ? {} : { paymentWithinMs }) }).catch(complain);
  if (service === undefined) return void (await nexus.stop());
  console.log(`orders on ${service.url}, kept in ${path}; Ctrl-C ends it, kill -9 ${process.pid} too`);
  let isEnding = false;
  const end = async () => {
    if (isEnding) process.exit(1);
    isEnding = true;
    await service.close();
    const { complete } = await nexus.stop();
    if (!complete) console.error('orders: not everything could be ended in time');
    process.off('SIGINT', end).off('SIGTERM', end);
  };
  process.on('SIGINT', end).on('SIGTERM', end);
}

/** @param {unknown} error @returns {undefined} */
function complain(error) {
  console.error(`orders: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

/** @param {string[]} argv */
function readSettings(argv) {
  try {
    const text = /** @type {const} */ ({ type: 'string' });
    const { values } = parseArgs({ args: argv, options: { store: text, port: text, threads: text, 'payment-within-ms': text, help: { type: 'boolean' } } });
    if (values.help) {
      process.stdout.write(HELP);
      return undefined;
    }
    if (values.store === undefined) throw new TypeError('--store is needed: a directory of its own');
    const paymentWithinMs = values['payment-within-ms'];
    return {
      path: values.store,
      port: within('port', values.port ?? '8080', 0, 65_535),
      threads: within('threads', values.threads ?? '2', 0, 127),
      paymentWithinMs: paymentWithinMs === undefined ? undefined : within('payment-within-ms', paymentWithinMs, 100, 86_400_000),
    };
  } catch (error) {
    console.error(`orders: ${error instanceof Error ? error.message : String(error)}\nTry --help.`);
    process.exitCode = 2;
    return undefined;
  }
}

/** @param {string} name @param {string} text @param {number} min @param {number} max */
function within(name, text, min, max) {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) throw new RangeError(`--${name} is '${text}'; it must be a whole number from ${min} to ${max}`);
  return value;
}
