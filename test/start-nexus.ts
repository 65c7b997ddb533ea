/** What most integration tests need: the engines that load here, a nexus that is stopped after its test, a logger that keeps its lines, and rejections as values. */
import { createNexus, type EngineKind, type Logger, type Nexus, type NexusOptions } from 'nexus-agents';
import { describe, onTestFinished } from 'vitest';

export interface LogLine {
  readonly level: keyof Logger;
  readonly data: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A logger that keeps what it is given and prints nothing. */
export function recorder(): Logger & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const keep = (level: keyof Logger) => (data: object, message: string) => void lines.push({ level, data: data as Record<string, unknown>, message });
  return { lines, debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') };
}

/** A nexus with a silent logger that is stopped when the test has finished. */
export async function startNexus(options: NexusOptions): Promise<Nexus> {
  const nexus = await createNexus({ logger: recorder(), ...options });
  onTestFinished(async () => {
    await nexus.stop({ deadlineMs: 2000 });
  });
  return nexus;
}

export function fixture(name: string): URL {
  return new URL(`./fixtures/${name}`, import.meta.url);
}

export interface Failure {
  readonly name: string;
  readonly code: string | undefined;
  readonly message: string;
  readonly error: Error & { readonly cause?: unknown };
}

/** How a promise or a call fails, or undefined if it does not. */
export async function failureOf(attempt: PromiseLike<unknown> | (() => unknown)): Promise<Failure | undefined> {
  try {
    await (typeof attempt === 'function' ? attempt() : attempt);
    return undefined;
  } catch (thrown) {
    const error = thrown as Error & { code?: string };
    return { name: error?.name, code: error?.code, message: error?.message, error };
  }
}

export async function codeOf(attempt: PromiseLike<unknown> | (() => unknown)): Promise<string | undefined> {
  const failure = await failureOf(attempt);
  return failure === undefined ? undefined : (failure.code ?? failure.message);
}

const nativeError = await failureOf(async () => {
  const nexus = await createNexus({ agents: [], threads: 0, engine: { force: 'native' } });
  await nexus.stop();
});

/** Runs a group of tests on each engine; the native one is skipped, with the reason, where it does not load. */
export function describeEngines(body: (engine: EngineKind) => void): void {
  if (nativeError === undefined) describe('native engine', () => body('native'));
  else describe.skip(`native engine: ${nativeError.message}`, () => body('native'));
  describe('portable engine', () => body('portable'));
}

/** The thread of an agent as the calling thread, whose tests these are, sees it. */
export const DISTANCES = [
  { distance: 'on the same thread', thread: 0 },
  { distance: 'on another thread', thread: 1 },
] as const;

let named = 0;

/** An id nobody else has. */
export function freshId(prefix = 'a'): string {
  named++;
  return `${prefix}-${process.pid}-${named}`;
}
