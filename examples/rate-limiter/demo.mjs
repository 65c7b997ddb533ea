/**
 * The demo as a program: `npm run demo`. Reads the options, runs, prints, and answers with an exit code: 0 only if every request was answered correctly, 1 if not, 2 for
 * options that are not understood, 130 if it was interrupted.
 */
import { whyUnreadable } from './access-log-file.mjs';
import { HELP, parseOptions } from './demo-options.mjs';
import { formatReport } from './demo-report.mjs';
import { isMainModule } from './main-module.mjs';
import { runDemo } from './run-demo.mjs';

/**
 * @param {string[]} argv
 * @param {Pick<import('./run-demo.mjs').DemoNeeds, 'modules' | 'service' | 'signal'>} [needs] what a test replaces
 * @returns {Promise<number>} the exit code
 */
export async function demo(argv, needs = {}) {
  const parsed = parseOptions(argv);
  if (parsed.type === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  if (parsed.type === 'invalid') return refuse(parsed.message);
  const { options } = parsed;
  const unreadable = options.log === undefined ? undefined : await whyUnreadable(options.log);
  if (unreadable !== undefined) return refuse(`--log: ${unreadable}`);
  for (const name of options.unused) process.stderr.write(`demo: --${name} means nothing with --log\n`);
  // Standard output is for the result alone when a program reads it.
  const stream = options.json ? process.stderr : process.stdout;
  const progress = (/** @type {string} */ line) => void stream.write(stream.isTTY ? `\x1b[2m${line}\x1b[0m\n` : `${line}\n`);
  try {
    const result = await runDemo(options, { ...needs, progress });
    process.stdout.write(options.json ? `${JSON.stringify(result, undefined, 2)}\n` : `\n${formatReport(result)}`);
    if (needs.signal?.aborted) return 130;
    return result.ok ? 0 : 1;
  } catch (error) {
    process.stderr.write(`demo: ${error instanceof Error ? error.stack : String(error)}\n`);
    return 1;
  }
}

/** @param {string} message */
function refuse(message) {
  process.stderr.write(`demo: ${message}\nTry --help.\n`);
  return 2;
}

if (isMainModule(import.meta.url)) {
  const abort = new AbortController();
  const interrupt = () => {
    if (abort.signal.aborted) process.exit(130);
    process.stderr.write('demo: ending; once more to end at once\n');
    abort.abort();
  };
  process.on('SIGINT', interrupt);
  process.exitCode = await demo(process.argv.slice(2), { signal: abort.signal });
  process.off('SIGINT', interrupt);
}
