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
  readonly method?: string;
  readonly sessionId?: string;
  readonly params?: Record<string, unknown>;
}

interface LogEntry {
  readonly level: string;
  readonly text: string;
  readonly url?: string;
}

export interface Page {
  /** The value of an expression in the page, as JSON. */
  evaluate(expression: string): Promise<unknown>;
  screenshot(): Promise<Buffer>;
  /** A method of the protocol, in this page. */
  call(method: string, params?: object): Promise<Record<string, unknown>>;
  /** Errors so far: thrown and not caught, logged as errors, refused by the content security policy, files that could not be loaded. */
  readonly problems: string[];
  close(): Promise<void>;
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

  /** By session. */
  const problems = new Map<string, string[]>();
  let calls = 0;
  const waiting = new Map<number, { resolve(result: Record<string, unknown>): void; reject(error: Error): void }>();
  socket.on('message', (data) => {
    const { id = 0, result = {}, error, method, sessionId = '', params = {} } = JSON.parse(String(data)) as Answer;
    const problem = method === undefined ? undefined : problemOf(method, params);
    if (problem !== undefined) problems.get(sessionId)?.push(problem);
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
      const { targetId } = await call('Target.createTarget', { url: 'about:blank', newWindow: true, width: 900, height: 600 });
      const { sessionId } = (await call('Target.attachToTarget', { targetId, flatten: true })) as { sessionId: string };
      const ownProblems: string[] = [];
      problems.set(sessionId, ownProblems);
      // Before the page is loaded, so that nothing is missed.
      for (const domain of ['Runtime', 'Log', 'Page']) await call(`${domain}.enable`, {}, sessionId);
      await call('Page.navigate', { url }, sessionId);
      return {
        problems: ownProblems,
        call: (method, params = {}) => call(method, params, sessionId),
        async close() {
          await call('Target.closeTarget', { targetId });
        },
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

function problemOf(method: string, params: Record<string, unknown>): string | undefined {
  if (method === 'Runtime.exceptionThrown') {
    const { exceptionDetails } = params as { exceptionDetails: { text: string; exception?: { description?: string } } };
    return `exception: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`;
  }
  if (method === 'Log.entryAdded') {
    const { level, text, url = '' } = params['entry'] as LogEntry;
    return level === 'error' || /Content Security Policy/i.test(text) ? `${level}: ${text} ${url}` : undefined;
  }
  if (method === 'Runtime.consoleAPICalled' && params['type'] === 'error') {
    const { args } = params as { args: { value?: unknown; description?: string }[] };
    return `console: ${args.map(({ value, description }) => value ?? description).join(' ')}`;
  }
  return undefined;
}
