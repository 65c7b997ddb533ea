/**
 * Each policy against a dependency that is slow, fails and recovers, on a manual clock. A scenario is a text: commands, and below `----` what happened, each line
 * with its time. The test runs the commands and compares the whole text; `npx vitest run test/scenario -u` writes it anew, to be read before it is kept.
 *
 * Commands: `policies`, with one policy a line, the outermost first, `NAME {options}`; `dependency MODE`; `call COUNT [every MS]`; `give up CALL`; `advance MS`;
 * `isolate`; `reset`; `state`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  type AnyPolicy,
  type Bulkhead,
  bulkhead,
  type CircuitBreaker,
  circuitBreaker,
  fallback,
  type PolicyContext,
  retry,
  timeout,
  wrap,
} from '../../../dist/ts-src/resilience/index.js';
import { Circuit, REFUSED } from '../../../dist/ts-src/resilience/machines/circuit.js';
import { turn, Workbench } from '../../unit/resilience/workbench.js';

const folder = new URL('./', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.txt') && name !== 'circuit-table.txt');

test.each(files)('%s', async (file) => {
  const text = readFileSync(new URL(file, folder), 'utf8');
  const scenario = new Scenario();
  const blocks: string[] = [];
  for (const block of text.trimEnd().split('\n\n')) {
    const [commands = ''] = block.split('\n----');
    if (commands.startsWith('#')) blocks.push(commands);
    else blocks.push(`${commands}\n----\n${await scenario.run(commands.split('\n'))}`.trimEnd());
  }
  await expect(`${blocks.join('\n\n')}\n`).toMatchFileSnapshot(new URL(file, folder).pathname);
  expect(await scenario.finish()).toBe(0);
});

type AnyObservable = ReturnType<typeof bulkhead | typeof circuitBreaker | typeof fallback<string> | typeof retry | typeof timeout>;

class Scenario {
  readonly #bench = new Workbench();
  readonly #beganMs = this.#bench.clock.nowMs();
  readonly #controllers: AbortController[] = [];
  #policies: readonly AnyObservable[] = [];
  #policy: AnyPolicy | undefined;
  #mode: readonly string[] = ['healthy'];
  #failuresLeft = 0;
  #reached = 0;
  #lines: string[] = [];

  async run(commands: readonly string[]): Promise<string> {
    this.#lines = [];
    if (commands[0] === 'policies') this.#make(commands.slice(1));
    else for (const command of commands) await this.#do(command.split(' '));
    return this.#lines.join('\n');
  }

  /** Lets everything end. Returns how many timers are left. */
  async finish(): Promise<number> {
    for (const controller of this.#controllers) controller.abort();
    await turn();
    return this.#bench.clock.timers;
  }

  async #do([verb, ...words]: readonly string[]): Promise<void> {
    if (verb === 'dependency') {
      this.#mode = words;
      this.#failuresLeft = words[0] === 'recovering' ? Number(words[1]) : 0;
    } else if (verb === 'call') {
      for (let call = 0; call < Number(words[0]); call++) {
        if (call > 0 && words[1] === 'every') await this.#bench.pass(Number(words[2]));
        this.#call();
        await turn();
      }
    } else if (verb === 'give') {
      this.#controllers[Number(words[1]) - 1]?.abort();
      await turn();
    } else if (verb === 'advance') await this.#bench.pass(Number(words[0]));
    else if (verb === 'isolate') this.#breaker.isolate();
    else if (verb === 'reset') this.#breaker.reset();
    else if (verb === 'state') this.#state();
    else throw new Error(`no such command: ${verb}`);
  }

  #make(lines: readonly string[]): void {
    const { surroundings } = this.#bench;
    this.#policies = lines.map((line) => {
      const [, name, json = '{}'] = /^(\w+) ?(.*)$/.exec(line) as unknown as [string, string, string];
      const options = JSON.parse(json === '' ? '{}' : json);
      if (name === 'fallback') return fallback('instead', options, surroundings);
      const make = { bulkhead, circuitBreaker, retry, timeout }[name] as (options: never, surroundings: unknown) => AnyObservable;
      return make(options as never, surroundings);
    });
    this.#policies.forEach((policy, index) => {
      const name = /^\w+/.exec(lines[index] as string)?.[0];
      policy.on((event: object) => this.#write(`${name}: ${describe(event as Record<string, unknown>)}`));
    });
    this.#policy = wrap(...(this.#policies as [AnyObservable, ...AnyObservable[]]));
  }

  get #breaker(): CircuitBreaker {
    return this.#policies.find((policy) => 'isolate' in policy) as CircuitBreaker;
  }

  #call(): void {
    const controller = new AbortController();
    const number = this.#controllers.push(controller);
    (this.#policy as AnyPolicy)
      .execute((context) => this.#dependency(context), { signal: controller.signal })
      .then(
        (value) => this.#write(`call ${number} → ${value}`),
        (error) => this.#write(`call ${number} ✗ ${error.code ?? error.message}`),
      );
  }

  /** What is called: it heeds its signal. */
  #dependency({ signal }: PolicyContext): Promise<string> {
    const [mode, ms = '10'] = this.#mode;
    const number = ++this.#reached;
    const fails = mode === 'failing' || this.#failuresLeft-- > 0;
    this.#write(`  dependency: request ${number}`);
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        cancel();
        reject(new Error('stopped'));
      };
      const answer = (): void => {
        signal?.removeEventListener('abort', onAbort);
        if (fails) reject(new Error('down'));
        else resolve('up');
      };
      const cancel = mode === 'hanging' ? () => undefined : this.#bench.clock.after(mode === 'slow' ? Number(ms) : 10, answer);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  #state(): void {
    for (const policy of this.#policies) {
      if ('state' in policy) this.#write(`state ${JSON.stringify((policy as CircuitBreaker | Bulkhead).state)}`);
      this.#write(`statistics ${JSON.stringify((policy as CircuitBreaker).statistics)}`);
    }
  }

  #write(text: string): void {
    this.#lines.push(`${String(this.#bench.clock.nowMs() - this.#beganMs).padStart(6)}  ${text}`);
  }
}

function describe(event: Record<string, unknown>): string {
  const { type, error, ...others } = event;
  const rest = Object.entries(others).map(([name, value]) => `${name} ${typeof value === 'number' ? Math.round(value * 10) / 10 : value}`);
  const cause = error as (Error & { code?: string }) | undefined;
  return [String(type), ...rest, ...(cause === undefined ? [] : [`(${cause.code ?? cause.message})`])].join(' ');
}

test('the table of the circuit: every state and everything that can happen in it', async () => {
  const settings = { failures: 2, successesToClose: 2, openMs: 100 };
  /** Each state as it is reached from a new circuit; the ticket is of a call under way, if there can be one. */
  const states: Record<string, () => { readonly circuit: Circuit; readonly ticket: number; readonly nowMs: number }> = {
    'closed, 0 failures': () => reach(() => undefined),
    'closed, 1 failure': () => reach((circuit) => circuit.failed(circuit.admit(0), 0)),
    open: () => reach(trip, 50),
    'open, its time has passed': () => reach(trip, 100),
    'half-open, no probe': () => reach((circuit) => (trip(circuit), circuit.ignored(circuit.admit(100))), 150),
    'half-open, probe under way': () => {
      const reached = reach(trip, 150);
      return { ...reached, ticket: reached.circuit.admit(100) };
    },
    'half-open, probe lost': () => {
      const reached = reach(trip, 200);
      return { ...reached, ticket: reached.circuit.admit(100) };
    },
    'half-open, 1 success, probe under way': () => {
      const reached = reach((circuit) => (trip(circuit), circuit.succeeded(circuit.admit(100), 110)), 150);
      return { ...reached, ticket: reached.circuit.admit(120) };
    },
    isolated: () => reach((circuit) => circuit.isolate(), 150),
  };
  const inputs: Record<string, (circuit: Circuit, ticket: number, nowMs: number) => string> = {
    'a call comes': (circuit, _ticket, nowMs) => (circuit.admit(nowMs) === REFUSED ? 'refused' : 'passes'),
    'the call succeeds': (circuit, ticket, nowMs) => (circuit.succeeded(ticket, nowMs), ''),
    'the call fails': (circuit, ticket, nowMs) => (circuit.failed(ticket, nowMs), ''),
    'the call is given up': (circuit, ticket) => (circuit.ignored(ticket), ''),
    isolate: (circuit) => (circuit.isolate(), ''),
    reset: (circuit) => (circuit.reset(), ''),
  };
  const rows = [['state', 'what happens', 'call', 'next state']];
  for (const [name, make] of Object.entries(states)) {
    for (const [input, apply] of Object.entries(inputs)) {
      const { circuit, ticket, nowMs } = make();
      const outcome = apply(circuit, ticket, nowMs);
      rows.push([name, input, outcome, JSON.stringify(circuit.state).replaceAll('"', '')]);
    }
  }
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => (row[column] as string).length))) as number[];
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] as number))
      .join('  ')
      .trimEnd(),
  );
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(new URL('circuit-table.txt', folder).pathname);

  function reach(prepare: (circuit: Circuit) => void, nowMs = 0) {
    const circuit = new Circuit(settings);
    const ticket = circuit.admit(0);
    prepare(circuit);
    return { circuit, ticket, nowMs };
  }

  function trip(circuit: Circuit): void {
    circuit.failed(circuit.admit(0), 0);
    circuit.failed(circuit.admit(0), 0);
  }
});
