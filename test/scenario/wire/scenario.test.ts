/**
 * Two sessions, `a` dials `b`, and every frame and event of them. A scenario is a text: commands, and below `----` what happened, each line with its time.
 * `npx vitest run test/scenario -u` writes it anew, to be read before it is kept.
 *
 * Commands: `options SIDE {limits or options}`; `start`; `SIDE send LANE COUNT [BYTES]`; `SIDE datagram TEXT [damaged]`; `SIDE finish`; `SIDE abort REASON`; `SIDE disconnected`; `pass SIDE [COUNT]`;
 * `damage SIDE` (its next frame arrives with a bit changed); `drop SIDE` (its next frame does not arrive); `settle`; `wait MS`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { LANES, type Lane } from '../../../dist/ts-src/ports/transport.js';
import { readU32 } from '../../../dist/ts-src/protocols/wire/frame-format.js';
import { framesOf, type Side, type SideOptions, sideOf, start } from '../../unit/protocols/wire/pair.js';

const folder = new URL('./', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.txt'));

test.each(files)('%s', async (file) => {
  const text = readFileSync(new URL(file, folder), 'utf8');
  const scenario = new Scenario();
  const blocks: string[] = [];
  for (const block of text.trimEnd().split('\n\n')) {
    const [commands = ''] = block.split('\n----');
    blocks.push(commands.startsWith('#') ? commands : `${commands}\n----\n${scenario.run(commands.split('\n'))}`.trimEnd());
  }
  await expect(`${blocks.join('\n\n')}\n`).toMatchFileSnapshot(new URL(file, folder).pathname);
});

const TYPES = ['', 'batch', 'fragment', 'receipt', 'ping', 'pong', 'goodbye', 'datagram'];
const HANDSHAKE_TYPES = ['hello', 'welcome', 'confirm', 'refusal'];

class Scenario {
  #nowMs = 0;
  #lines: string[] = [];
  readonly #options: Record<string, SideOptions> = {};
  #sides: Record<string, Side> = {};

  run(commands: readonly string[]): string {
    this.#lines = [];
    for (const command of commands) this.#do(command.split(' '));
    return this.#lines.join('\n');
  }

  #do([first = '', second = '', ...rest]: readonly string[]): void {
    if (first === 'options') this.#options[second] = JSON.parse(rest.join(' '));
    else if (first === 'start') this.#start();
    else if (first === 'wait') this.#wait(Number(second));
    else if (first === 'pass') this.#pass(second, Number(rest[0] ?? Number.POSITIVE_INFINITY));
    else if (first === 'settle') this.#settle();
    else if (first === 'damage') this.#one(second, flipped);
    else if (first === 'drop') this.#one(second, () => undefined);
    else this.#act(first, second, rest);
  }

  #act(name: string, verb: string, [first = '', count = '', bytes = '']: readonly string[]): void {
    const { session } = this.#side(name);
    if (verb === 'send') {
      const outcomes = Array.from({ length: Number(count) }, () => session.send(first as Lane, 1, bytes === '' ? 1 : new Uint8Array(Number(bytes))));
      this.#say(`${name} send: ${[...new Set(outcomes)].map((outcome) => `${outcomes.filter((other) => other === outcome).length} ${outcome}`).join(', ')}`);
    } else if (verb === 'datagram')
      this.#give(name, session.datagram(Buffer.from(first)) as Uint8Array, (bytes) => (count === 'damaged' ? flipped(bytes) : bytes));
    else if (verb === 'finish') session.finish(this.#nowMs);
    else if (verb === 'abort') session.abort(first as 'aborted', 'as the scenario says');
    else if (verb === 'disconnected') session.disconnected('reset');
    else throw new Error(`there is no command ${verb}`);
  }

  #start(): void {
    this.#sides = { a: this.#make('a'), b: this.#make('b') };
    start(this.#side('a'), this.#side('b'), this.#nowMs);
  }

  #make(name: string): Side {
    const say = (what: string): void => this.#say(`${' '.repeat(26)}${name}: ${what}`);
    return sideOf(name, {
      ...this.#options[name],
      on: {
        opened: ({ identity, version }) => say(`opened to ${identity.name}, version ${version}`),
        message: ({ lane, value }) => say(`message ${lane} ${value instanceof Uint8Array ? `of ${value.length} bytes` : value}`),
        datagram: (bytes) => say(`datagram ${Buffer.from(bytes)}`),
        refused: (error) => say(`refused ${error.code}`),
        drained: (lane) => say(`drained ${lane}`),
        closed: ({ error, lost }) =>
          say(`closed ${error === undefined ? 'well' : `${error.code} ${error.data?.reason ?? error.data?.violation}`}, lost ${JSON.stringify(lost)}`),
      },
    });
  }

  #side(name: string): Side {
    return this.#sides[name] as Side;
  }

  #wait(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const dueMs = Math.min(this.#side('a').session.dueMs, this.#side('b').session.dueMs);
      this.#nowMs = Math.max(this.#nowMs, Math.min(dueMs, endMs));
      for (const name of ['a', 'b']) this.#side(name).session.tick(this.#nowMs);
      if (dueMs > endMs) return;
      this.#settle();
    }
  }

  #settle(): void {
    while (this.#pass('a', 1000) + this.#pass('b', 1000) > 0);
  }

  #pass(name: string, count: number): number {
    let passed = 0;
    for (; passed < count; passed++) {
      const bytes = this.#side(name).session.nextFrame(this.#nowMs);
      if (bytes === undefined) break;
      this.#give(name, bytes, (same) => same);
    }
    return passed;
  }

  #one(name: string, change: (bytes: Uint8Array) => Uint8Array | undefined): void {
    this.#give(name, this.#side(name).session.nextFrame(this.#nowMs) as Uint8Array, change);
  }

  #give(from: string, bytes: Uint8Array, change: (bytes: Uint8Array) => Uint8Array | undefined): void {
    const changed = change(bytes);
    this.#say(`${from} ${described(bytes)}${changed === undefined ? ' (lost)' : changed === bytes ? '' : ' (damaged)'}`);
    if (changed !== undefined) this.#side(from === 'a' ? 'b' : 'a').session.received(changed, this.#nowMs);
  }

  #say(what: string): void {
    this.#lines.push(`${String(this.#nowMs).padStart(6)}  ${what}`);
  }
}

function flipped(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, index) => (index === bytes.length - 1 ? byte ^ 1 : byte));
}

function described(bytes: Uint8Array): string {
  if (bytes[0] === 0x4e) return `→ ${HANDSHAKE_TYPES[bytes[4] as number]}`;
  const lane = bytes[0] === 1 || bytes[0] === 2 ? ` ${LANES[bytes[1] as number]}` : '';
  const last = bytes[2] === 1 ? ', last' : '';
  return `→ ${TYPES[bytes[0] as number]}${lane}${bytes[0] === 7 ? '' : ` #${readU32(bytes, 8)}`}, ${bytes.length} bytes${last}`;
}

test('the scenarios leave nothing unsaid', () => {
  expect(files.length).toBeGreaterThan(4);
  expect(framesOf(sideOf('idle'))).toEqual([]);
});
