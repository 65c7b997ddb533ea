/** A process of proxies, from the side of whoever has started it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { CommandFailure } from '../../command-failure.js';
import type { LinkState, ProxyPort } from './link-proxy.js';
import type { ProxyAnswer, ProxyOrder } from './proxy-main.js';

const PROGRAM = fileURLToPath(new URL('./proxy-main.js', import.meta.url));

export class ProxyProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** @param command what goes before it, so that it runs elsewhere @throws CommandFailure if a port cannot be had */
  static async open(ports: readonly ProxyPort[], command: readonly string[] = []): Promise<ProxyProcess> {
    const [file, ...args] = [...command, process.execPath, PROGRAM];
    const child = spawn(file as string, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const answer = await new Promise<ProxyAnswer>((resolve) => {
      child.once('message', (message) => resolve(message as ProxyAnswer));
      child.once('error', ({ message }) => resolve({ type: 'failed', message }));
      child.once('exit', (code, signal) => resolve({ type: 'failed', message: `it has ended with ${signal ?? code}` }));
      child.send({ type: 'open', ports } satisfies ProxyOrder);
    });
    if (answer.type === 'opened') return new ProxyProcess(child);
    child.kill('SIGKILL');
    throw new CommandFailure(`the proxy could not be started: ${answer.message}`);
  }

  set(link: LinkState): void {
    if (this.#child.connected) this.#child.send({ type: 'set', ...link } satisfies ProxyOrder, () => undefined);
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }
}
