/** `npm run dev`: compiles on every change, and starts the service again with what was compiled. Ends with ctrl-c. */
import { spawn } from 'node:child_process';

// Each in a group of its own: ctrl-c comes to this process alone, and the service gets one signal, not also that of the terminal.
// The compiler is a program that tsc starts and hands no signal on to: its whole group is ended.
const hasGroups = process.platform !== 'win32';
const node = (parameters) => spawn(process.execPath, parameters, { stdio: ['ignore', 'inherit', 'inherit'], detached: hasGroups });
const compiler = node(['node_modules/typescript/bin/tsc', '--watch', '--preserveWatchOutput']);
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

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
// One without the other would only look as if it worked.
for (const child of [compiler, service]) child.on('exit', stop);
