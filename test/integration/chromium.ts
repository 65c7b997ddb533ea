/** Chromium without a window, driven by its own protocol over a WebSocket: enough to open pages, run expressions in them and take a picture. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';

const NAMES = [process.env['CHROMIUM'] ?? '', 'chromium', 'chromium-browser', 'google-chrome'].filter((name) => name !== '');
/** The command of a browser that runs here, or undefined. */
export const chromium = NAMES.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore', timeout: 30_000 }).status === 0);

interface Answer {
  readonly id?: number;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

export interface Page {
  /** The value of an expression in the page, as JSON. */
  evaluate(expression: string): Promise<unknown>;
  screenshot(): Promise<Buffer>;
}

export interface Browser {
  open(url: string): Promise<Page>;
  close(): Promise<void>;
}

export async function startChromium(command: string): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'nexus-chromium-'));
  const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--remote-debugging-port=0'];
  const child = spawn(command, [...flags, `--user-data-dir=${profile}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const address = await new Promise<string>((resolve, reject) => {
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      const match = /DevTools listening on (ws:\S+)/.exec(output);
      if (match !== null) resolve(match[1] as string);
    });
    child.once('error', reject).once('close', () => reject(new Error(`the browser has ended: ${output.slice(-1000)}`)));
  });
  const socket = new WebSocket(address, { perMessageDeflate: false });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));

  let calls = 0;
  const waiting = new Map<number, { resolve(result: Record<string, unknown>): void; reject(error: Error): void }>();
  socket.on('message', (data) => {
    const { id = 0, result = {}, error } = JSON.parse(String(data)) as Answer;
    const call = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) call?.resolve(result);
    else call?.reject(new Error(error.message));
  });
  const call = (method: string, params: object, sessionId?: string): Promise<Record<string, unknown>> =>
    new Promise((resolve, reject) => {
      const id = ++calls;
      waiting.set(id, { resolve, reject });
      socket.send(JSON.stringify({ id, method, params, sessionId }));
    });

  return {
    async open(url) {
      // Each page with a window of its own: one in the background would be throttled.
      const { targetId } = await call('Target.createTarget', { url, newWindow: true, width: 900, height: 600 });
      const { sessionId } = (await call('Target.attachToTarget', { targetId, flatten: true })) as { sessionId: string };
      return {
        async evaluate(expression) {
          const answer = (await call('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true }, sessionId)) as {
            result: { value?: unknown };
            exceptionDetails?: { exception?: { description?: string } };
          };
          if (answer.exceptionDetails !== undefined) throw new Error(answer.exceptionDetails.exception?.description ?? 'the expression failed');
          return answer.result.value;
        },
        async screenshot() {
          return Buffer.from(String((await call('Page.captureScreenshot', { format: 'png' }, sessionId))['data']), 'base64');
        },
      };
    },
    async close() {
      socket.close();
      child.kill('SIGTERM');
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}
