/**
 * The failure detector of node `a` among nodes that do as they are told, on a manual clock. A scenario is a text: commands, and below `----` everything that `a` sends and finds, each line with
 * its time. The test runs the commands and compares the whole text; `npx vitest run test/scenario/swim -u` writes it anew, to be read before it is kept.
 *
 * Commands: `options {…}` (first); `members b c …`, who are alive; `alive b`, `silent b` (nothing comes back), `behind b` (only relays reach it), `refusing b` (nobody listens there);
 * `run MS`; `pause MS` (a does not run); `NODE tells RUMOUR` such as `c suspect 0 by b`; `probe b`; `forget b`; `describe TEXT`; `pinged by b`, and `pinged by b through c`;
 * `b acks 3` (the ping of that number); `state`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { NodeAddress, NodeIdentity } from '../../../dist/ts-src/model/node-identity.js';
import { Swim } from '../../../dist/ts-src/protocols/swim/swim.js';
import type { Rumour, SwimMessage } from '../../../dist/ts-src/protocols/swim/swim-messages.js';
import type { SwimEffect, SwimInput } from '../../../dist/ts-src/protocols/swim/swim-steps.js';
import { randomOf } from '../../../bench/suites/membership/datagram-world.mjs';

const folder = new URL('./', import.meta.url);
const ROUND_TRIP_MS = 10;

test.each(readdirSync(folder).filter((name) => name.endsWith('.txt')))('%s', async (file) => {
  const scenario = new Scenario();
  const blocks: string[] = [];
  for (const block of readFileSync(new URL(file, folder), 'utf8').trimEnd().split('\n\n')) {
    const [commands = ''] = block.split('\n----');
    if (commands.startsWith('#')) blocks.push(commands);
    else blocks.push(`${commands}\n----\n${scenario.run(commands.split('\n'))}`.trimEnd());
  }
  await expect(`${blocks.join('\n\n')}\n`).toMatchFileSnapshot(new URL(file, folder).pathname);
});

type Mode = 'alive' | 'silent' | 'behind' | 'refusing';

const identityOf = (name: string): NodeIdentity => ({ name, incarnation: 1 });
const addressOf = (name: string): NodeAddress => ({ host: name, port: 7400 });
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

class Scenario {
  readonly #modes = new Map<string, Mode>();
  readonly #refutations = new Map<string, number>();
  #options = {};
  #swim: Swim | undefined;
  #nowMs = 0;
  #events: { readonly ms: number; readonly input: SwimInput }[] = [];
  #lines: string[] = [];

  run(commands: readonly string[]): string {
    this.#lines = [];
    for (const command of commands) this.#do(command);
    return this.#lines.join('\n');
  }

  get #machine(): Swim {
    this.#swim ??= new Swim(
      identityOf('a'),
      bytes('A'),
      { random: randomOf(7), grantFor: ({ name }) => (name === 'x' ? undefined : name.charCodeAt(0) - 96) },
      this.#options,
    );
    return this.#swim;
  }

  #do(command: string): void {
    const [verb = '', ...words] = command.split(' ');
    if (verb === 'options') this.#options = JSON.parse(words.join(' '));
    else if (verb === 'members') this.#admit(words);
    else if (verb === 'alive' || verb === 'silent' || verb === 'behind' || verb === 'refusing') for (const name of words) this.#modes.set(name, verb);
    else if (verb === 'run') this.#runUntil(this.#nowMs + Number(words[0]));
    else if (verb === 'pause') this.#nowMs += Number(words[0]);
    else if (verb === 'probe') this.#step({ type: 'probe', node: identityOf(words[0] as string) });
    else if (verb === 'forget') this.#step({ type: 'forget', nodes: words.map(identityOf) });
    else if (verb === 'describe') this.#step({ type: 'describe', metadata: bytes(words.join(' ')) });
    else if (verb === 'pinged') this.#pinged(words[1] as string, words[3]);
    else if (verb === 'state') this.#state();
    else if (words[0] === 'acks') this.#receive(verb, { type: 'ack', sequence: Number(words[1]), refutation: this.#refutationOf(verb), grant: 3, rumours: [] });
    else if (words[0] === 'tells') this.#receive(verb, { type: 'gossip', rumours: [rumourOf(words.slice(1))] });
    else throw new Error(`no such command: ${command}`);
  }

  #admit(names: readonly string[]): void {
    for (const name of names) if (!this.#modes.has(name)) this.#modes.set(name, 'alive');
    this.#step({ type: 'admit', members: ['a', ...names].map((name) => ({ ...identityOf(name), address: addressOf(name) })) });
  }

  #pinged(by: string, through: string | undefined): void {
    if (through === undefined) this.#receive(by, { type: 'ping', sequence: 900, refutation: this.#refutationOf(by), rumours: [] });
    else this.#receive(through, { type: 'relayedPing', sequence: 901, origin: identityOf(by), rumours: [] });
  }

  #runUntil(ms: number): void {
    for (;;) {
      const next = this.#events.reduce((first, { ms: at }) => Math.min(first, at), this.#machine.dueMs);
      if (next > ms) break;
      this.#nowMs = Math.max(this.#nowMs, next);
      const index = this.#events.findIndex((event) => event.ms === next);
      const [event] = index < 0 ? [] : this.#events.splice(index, 1);
      this.#step(event?.input ?? { type: 'tick' });
    }
    this.#nowMs = ms;
  }

  #step(input: SwimInput): void {
    for (const effect of this.#machine.step(this.#nowMs, input)) {
      this.#write(textOf(effect));
      if (effect.type === 'send') this.#answer(effect.to.name, effect.message);
    }
  }

  /** What the others do with a message of `a`. */
  #answer(name: string, message: SwimMessage): void {
    const mode = this.#modes.get(name);
    if (mode === 'refusing') this.#later(1, { type: 'refused', address: addressOf(name) });
    if (mode === 'behind' && 'rumours' in message) this.#refute(name, message.rumours);
    if (mode !== 'alive') return;
    if ('rumours' in message) this.#refute(name, message.rumours);
    if (message.type === 'ping')
      this.#arrives(name, ROUND_TRIP_MS, { type: 'ack', sequence: message.sequence, refutation: this.#refutationOf(name), grant: 3, rumours: [] });
    if (message.type === 'relayedPing')
      this.#arrives(name, ROUND_TRIP_MS, { type: 'ack', sequence: message.sequence, refutation: this.#refutationOf(name), grant: 4, rumours: [] });
    if (message.type === 'rumourRequest') {
      const rumours = message.about.map(({ name: about }) =>
        rumourOf([about, 'reachable', String(this.#refutationOf(about)), 'by', about, about.toUpperCase()]),
      );
      this.#arrives(name, ROUND_TRIP_MS, { type: 'descriptions', rumours });
    }
    if (message.type === 'pingRequest') {
      const { sequence, target, withinMs } = message;
      const reached = this.#modes.get(target.name) === 'alive' || this.#modes.get(target.name) === 'behind';
      const refutation = this.#refutationOf(target.name);
      if (reached) this.#arrives(name, 2 * ROUND_TRIP_MS, { type: 'relayedAck', sequence, target, refutation, grant: 3, rumours: [] });
      else {
        const afterMs = this.#modes.get(target.name) === 'refusing' ? 2 * ROUND_TRIP_MS : withinMs + ROUND_TRIP_MS;
        this.#arrives(name, afterMs, { type: 'nack', sequence, target });
      }
    }
  }

  #refute(name: string, rumours: readonly Rumour[]): void {
    for (const { about, state, refutation } of rumours)
      if (about.name === name && state !== 'reachable') this.#refutations.set(name, Math.max(this.#refutationOf(name), refutation + 1));
  }

  #refutationOf(name: string): number {
    return this.#refutations.get(name) ?? 1;
  }

  #arrives(from: string, afterMs: number, message: SwimMessage): void {
    this.#later(afterMs, { type: 'received', from: identityOf(from), address: addressOf(from), message });
  }

  #later(afterMs: number, input: SwimInput): void {
    this.#events.push({ ms: this.#nowMs + afterMs, input });
  }

  #receive(from: string, message: SwimMessage): void {
    this.#step({ type: 'received', from: identityOf(from), address: addressOf(from), message });
  }

  #state(): void {
    const members = [...this.#machine.snapshot(this.#nowMs)].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const { name, reachability, unreachableFrom, roundTripMs, loss, phi } of members) {
      const by = unreachableFrom.length > 0 ? `, accused by ${unreachableFrom.join(' ')}` : '';
      const link = loss === undefined ? '' : `, loss ${loss.toFixed(2)}${roundTripMs === undefined ? '' : `, round trip ${roundTripMs.mean.toFixed(0)}`}`;
      this.#write(`${name} ${reachability}${by}${link}${phi === undefined ? '' : `, phi ${phi.toFixed(1)}`}`);
    }
    this.#write(`local health ${this.#machine.localHealth}`);
  }

  #write(text: string): void {
    this.#lines.push(`${String(Math.round(this.#nowMs)).padStart(6)}  ${text}`);
  }
}

function rumourOf([name = '', state, refutation, , by = '', ...metadata]: readonly string[]): Rumour {
  return {
    about: identityOf(name),
    refutation: Number(refutation),
    state: state as Rumour['state'],
    by,
    metadata: metadata.length > 0 ? bytes(metadata.join(' ')) : undefined,
  };
}

function textOf(effect: SwimEffect): string {
  switch (effect.type) {
    case 'send':
      return `→ ${effect.to.name}: ${messageText(effect.message)}`;
    case 'reachability':
      return `${effect.node.name} is ${effect.state}`;
    case 'metadata':
      return `${effect.node.name} says "${new TextDecoder().decode(effect.metadata)}"`;
    case 'acked':
      return `${effect.node.name} acked after ${Math.round(effect.roundTripMs)} ms${effect.relayed ? ', relayed' : ''}, grant ${effect.grant}`;
  }
}

function messageText(message: SwimMessage): string {
  const rumours = 'rumours' in message ? message.rumours.map(rumourText).join(', ') : '';
  const head = [
    message.type,
    'sequence' in message ? message.sequence : '',
    'target' in message ? `of ${message.target.name}` : '',
    'origin' in message ? `for ${message.origin.name}` : '',
    'withinMs' in message ? `within ${message.withinMs} ms` : '',
    'refutation' in message ? `@${message.refutation}` : '',
    'grant' in message ? `grant ${message.grant}` : '',
    'about' in message ? message.about.map(({ name }) => name).join(' ') : '',
    rumours === '' ? '' : `[${rumours}]`,
  ];
  return head.filter((part) => part !== '').join(' ');
}

function rumourText({ about, state, refutation, by, metadata }: Rumour): string {
  const says = metadata === undefined ? '' : ` "${new TextDecoder().decode(metadata)}"`;
  return `${about.name} ${state}@${refutation}${by === about.name ? '' : ` by ${by}`}${says}`;
}
