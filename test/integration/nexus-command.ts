/** Runs the command `nexus` as a process, for tests: what it wrote, and how it ended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const NEXUS = fileURLToPath(new URL('../../dist/ts-src/cli/nexus.js', import.meta.url));

export interface RunningCommand {
  readonly child: ChildProcess;
  /** Code or signal. */
  readonly exit: Promise<number | string>;
  out(): string;
  err(): string;
}

/** Commands that have not ended are killed by `killCommands`. */
const running = new Set<ChildProcess>();

export function nexusCommand(args: readonly string[], { env = {}, cwd }: { env?: Record<string, string | undefined>; cwd?: string } = {}): RunningCommand {
  const { NEXUS_URL: _url, NEXUS_CONSOLE_TOKEN: _token, NO_COLOR: _color, ...inherited } = process.env;
  const child = spawn(process.execPath, [NEXUS, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...inherited, ...env }, cwd });
  running.add(child);
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => (out += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk) => (err += chunk));
  const exit = new Promise<number | string>((resolve) =>
    child.once('close', (code, signal) => {
      running.delete(child);
      resolve(signal ?? (code as number));
    }),
  );
  return { child, exit, out: () => out, err: () => err };
}

export function killCommands(): void {
  for (const child of running) child.kill('SIGKILL');
}
