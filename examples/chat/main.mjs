/** `node examples/chat/main.mjs`: the chat on its own, until SIGINT or SIGTERM ends it. */
import { parseArgs } from 'node:util';
import { createNexus } from 'nexus-agents';
import { CHAT_AGENTS, startChat } from './server.mjs';

const HELP = `Usage: node examples/chat/main.mjs [options]

  --port N      port to listen on, 0 for any (default 8080)
  --host NAME   address to listen on (default 127.0.0.1)
  --threads N   worker threads, on which the rooms are (default: one less than the cores, at least 1)
  --help        this text
`;

const settings = readSettings(process.argv.slice(2));
if (settings !== undefined) await run(settings);

/** @param {{ port: number, host: string, threads: number | undefined }} settings */
async function run({ port, host, threads }) {
  const nexus = await createNexus({ agents: CHAT_AGENTS, ...(threads === undefined ? {} : { threads }) });
  let chat;
  try {
    chat = await startChat(nexus, { port, host });
  } catch (error) {
    await nexus.stop();
    return fail(1, error);
  }
  console.log(`chat on ${chat.url} , ${nexus.threadCount - 1} worker threads; Ctrl-C ends it`);
  let isEnding = false;
  const end = async () => {
    if (isEnding) process.exit(1);
    isEnding = true;
    await chat.close();
    const { complete, discarded } = await nexus.stop();
    console.log(complete ? 'everybody has been told' : `${discarded} messages were discarded`);
    process.off('SIGINT', end).off('SIGTERM', end);
  };
  process.on('SIGINT', end).on('SIGTERM', end);
}

/** @param {string[]} args */
function readSettings(args) {
  try {
    const text = /** @type {const} */ ({ type: 'string' });
    const { values } = parseArgs({ args, options: { port: text, host: text, threads: text, help: { type: 'boolean' } } });
    if (values.help) return void process.stdout.write(HELP);
    return {
      port: whole('port', values.port ?? '8080', 65_535),
      host: values.host ?? '127.0.0.1',
      threads: values.threads === undefined ? undefined : whole('threads', values.threads, 127),
    };
  } catch (error) {
    return void fail(2, error, '\nTry --help.');
  }
}

/**
 * @param {string} name
 * @param {string} text
 * @param {number} max
 */
function whole(name, text, max) {
  if (!/^\d{1,9}$/.test(text) || Number(text) > max) throw new RangeError(`--${name} is '${text}'; it must be a whole number from 0 to ${max}`);
  return Number(text);
}

/**
 * @param {number} exitCode
 * @param {unknown} error
 */
function fail(exitCode, error, hint = '') {
  console.error(`chat: ${error instanceof Error ? error.message : String(error)}${hint}`);
  process.exitCode = exitCode;
}
