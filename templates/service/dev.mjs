/** `npm run dev`: compiles on every change, and starts the service again with what was compiled. Ends with ctrl-c. */
import { spawn } from 'node:child_process';

const node = (parameters, options) => spawn(process.execPath, parameters, { stdio: ['ignore', 'inherit', 'inherit'], ...options });
// The compiler is a program that tsc starts and hands no signal on to: in a group of their own, both can be ended.
const hasGroups = process.platform !== 'win32';
const compiler = node(['node_modules/typescript/bin/tsc', '--watch', '--preserveWatchOutput'], { detached: hasGroups });
const command = ['node_modules/nexus-agents/dist/ts-src/cli/nexus.js', 'run', 'dist/src/counter.js', ...process.argv.slice(2)];
const service = node(['--watch', '--watch-preserve-output', ...command]);

let isStopping = false;
function stop() {
  if (isStopping) return; // a second signal would cut off what the service has to finish
  isStopping = true;
  service.kill();
  try {
    if (hasGroups) process.kill(-compiler.pid);
    else compiler.kill();
  } catch (error) {
    if (error.code !== 'ESRCH') throw error; // it has ended
  }
}

process.on('SIGINT', stop);
process.on('SIGTERM', stop);
// One without the other would only look as if it worked.
for (const child of [compiler, service]) child.on('exit', stop);
