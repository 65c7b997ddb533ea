/** A command in a real pseudo-terminal (of Python's `pty`), with what it has drawn kept as a screen. Where there is no Python the tests that need it are skipped, and say so. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { EmulatedTerminal } from '../unit/cli/emulated-terminal.js';

const SCRIPT = fileURLToPath(new URL('../fixtures/terminal.py', import.meta.url));

/** Why there is no pseudo-terminal; undefined if there is one. */
export const noTerminal: string | undefined =
  spawnSync('python3', ['-c', 'import pty, termios, fcntl'], { stdio: 'ignore' }).status === 0
    ? undefined
    : 'python3 with its modules pty, termios and fcntl is not installed';

const running = new Set<ChildProcess>();

export interface Ended {
  readonly code: number;
  /** Null where the terminal was gone. */
  readonly keysAsBefore: boolean | null;
}

export class PseudoTerminal {
  readonly screen: EmulatedTerminal;
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  /** Bytes that it was sent. */
  bytes = 0;
  written = '';

  constructor(columns: number, rows: number, command: readonly string[], environment: Readonly<Record<string, string | undefined>>) {
    this.screen = new EmulatedTerminal(columns, rows);
    const { NEXUS_URL: _url, NO_COLOR: _color, LC_ALL: _all, LC_CTYPE: _type, ...inherited } = process.env;
    const env = { ...inherited, TERM: 'xterm-256color', LANG: 'C.UTF-8', PYTHONCOERCECLOCALE: '0', ...environment };
    const child = spawn('python3', [SCRIPT, String(rows), String(columns), ...command], { stdio: ['pipe', 'pipe', 'pipe'], env });
    this.#child = child;
    running.add(child);
    let failure: unknown;
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.bytes += Buffer.byteLength(text);
      this.written += text;
      try {
        this.screen.write(text);
      } catch (error) {
        failure ??= error;
      }
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    this.ended = new Promise((resolve, reject) =>
      child.once('close', () => {
        running.delete(child);
        if (failure !== undefined) return reject(failure);
        try {
          resolve(JSON.parse(said) as Ended);
        } catch {
          reject(new Error(`the terminal said: ${said}`));
        }
      }),
    );
    this.ended.catch(() => undefined);
  }

  type(keys: string): void {
    this.#child.stdin?.write(`key ${JSON.stringify(keys)}\n`);
  }

  resize(columns: number, rows: number): void {
    this.screen.resize(columns, rows);
    this.#child.stdin?.write(`resize ${rows} ${columns}\n`);
  }

  signal(number: number): void {
    this.#child.stdin?.write(`signal ${number}\n`);
  }

  hangUp(): void {
    this.#child.stdin?.write('hangup\n');
  }

  shows(text: string): boolean {
    return this.screen.texts().some((line) => line.includes(text));
  }
}

export function closeTerminals(): void {
  // It kills its job when its input ends.
  for (const child of running) child.stdin?.end();
}
