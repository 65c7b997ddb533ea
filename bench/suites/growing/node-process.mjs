/** A node of the suite from outside: its process, and commands with answers. */
import { fork } from 'node:child_process';

export class NodeProcess {
  #child = fork(new URL('./node.mjs', import.meta.url), [], { execArgv: [] });
  #number = 0;
  #waiting = new Map();

  constructor() {
    this.#child.on('message', ({ number, result, error }) => {
      const { resolve, reject } = this.#waiting.get(number);
      this.#waiting.delete(number);
      if (error === undefined) resolve(result);
      else reject(new Error(error));
    });
    this.#child.on('exit', (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`a node has ended with ${code}`));
    });
  }

  tell(command, input = {}) {
    const number = ++this.#number;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      this.#child.send({ number, command, ...input });
    });
  }

  end() {
    this.#child.removeAllListeners('exit');
    this.#child.kill('SIGKILL');
  }
}
