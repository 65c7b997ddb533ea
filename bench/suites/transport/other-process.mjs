/** The other end of a connection, in a process of its own, which says where it listens and is told to end. */
import { fork } from 'node:child_process';

/** @returns {Promise<{ port: number, pid: number, ask: (message: object) => Promise<object>, end: () => void }>} */
export function openOther(module, argument = {}) {
  return new Promise((resolve, reject) => {
    const child = fork(new URL(module, import.meta.url), [JSON.stringify(argument)], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    let answer;
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the other process has ended with ${code}`)));
    child.once('message', (first) => {
      child.on('message', (message) => answer(message));
      resolve({
        port: first.port,
        pid: child.pid,
        ask: (message) =>
          new Promise((answered) => {
            answer = answered;
            child.send(message);
          }),
        end: () => {
          child.removeAllListeners('exit');
          child.kill('SIGKILL');
        },
      });
    });
  });
}
