/** `npm run dev`: compiles on every change, and starts the service again with what was compiled. Ends with ctrl-c. */
import { spawn } from 'node:child_process';

const node = (...parameters) => spawn(process.execPath, parameters, { stdio: 'inherit' });
const started = [
  node('node_modules/typescript/bin/tsc', '--watch', '--preserveWatchOutput'),
  node('--watch', '--watch-preserve-output', 'node_modules/nexus-agents/dist/ts-src/cli/nexus.js', 'run', 'dist/src/counter.js', ...process.argv.slice(2)),
];

function stop() {
  for (const child of started) child.kill();
}

process.on('SIGINT', stop);
process.on('SIGTERM', stop);
// One without the other would only look as if it worked.
for (const child of started) child.on('exit', stop);
