/**
 * The terminal that `nexus top` draws on: its alternate screen, its keys, its size, and that it is left as it was found on every way out of the process. The only file of `top/` that
 * writes to it. What is drawn is decided in `screen-lines.ts`, in which bytes in `frame.ts`.
 */
import { emitKeypressEvents, type Key } from 'node:readline';
import { frameText } from './frame.js';
import type { ScreenSize } from './screen-lines.js';
import type { StyledLine } from './styled-line.js';

/** The alternate screen, no cursor, and no wrapping: a character that is wider than was thought does not push a line down. */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l';
const RETURN_MS = 200;

export interface ScreenListener {
  /** A character, or a name such as `up` or `ctrl-c`. */
  key(key: string): void;
  /** The size has changed, or what is on the screen is not what was drawn. */
  resized(): void;
  /** The terminal is gone: its window was closed, or the line was cut. */
  gone(): void;
}

export class TerminalScreen {
  readonly #input: NodeJS.ReadStream;
  readonly #output: NodeJS.WriteStream;
  readonly #isColored: boolean;
  readonly #listener: ScreenListener;
  #isEntered = false;
  #shown: readonly StyledLine[] | undefined;
  /** Left for as long as the process is stopped. */
  #isSuspended = false;

  constructor(input: NodeJS.ReadStream, output: NodeJS.WriteStream, isColored: boolean, listener: ScreenListener) {
    this.#input = input;
    this.#output = output;
    this.#isColored = isColored;
    this.#listener = listener;
  }

  enter(): void {
    this.#take();
    emitKeypressEvents(this.#input);
    this.#input.on('keypress', (text: string | undefined, key: Key | undefined) => this.#listener.key(keyName(text, key)));
    // Where keys come from a file there are none after its end, and that is all.
    if (this.#input.isTTY) this.#input.on('end', () => this.#listener.gone());
    this.#input.on('error', () => this.#listener.gone());
    this.#output.on('error', () => this.#listener.gone());
    this.#output.on('resize', () => {
      // Terminals differ in what they make of the old lines.
      this.#shown = undefined;
      this.#listener.resized();
    });
    process.on('SIGCONT', () => this.#comeBack());
    // Also after an error that nobody caught: Node calls this on every way out but a kill.
    process.on('exit', () => this.leave());
  }

  /** What the terminal was before. More than once is the same as once. */
  leave(): void {
    if (!this.#isEntered) return;
    this.#isEntered = false;
    if (this.#input.isTTY) this.#input.setRawMode(false);
    this.#input.pause();
    this.#output.write(LEAVE);
  }

  /** To the shell; it comes back with SIGCONT. */
  suspend(): void {
    this.leave();
    this.#isSuspended = true;
    process.kill(process.pid, 'SIGTSTP');
    // Without a shell to go to, as with `ssh -t HOST nexus top`, the system does not stop the process, and nobody will continue it.
    setTimeout(() => this.#comeBack(), RETURN_MS);
  }

  #comeBack(): void {
    if (!this.#isSuspended) return;
    this.#isSuspended = false;
    this.#take();
    this.#listener.resized();
  }

  size(): ScreenSize {
    // A terminal that does not know its size says 0.
    return { columns: this.#output.columns || 80, rows: this.#output.rows || 24 };
  }

  draw(lines: readonly StyledLine[]): void {
    if (!this.#isEntered) return;
    const text = frameText(this.#shown, lines, { isColored: this.#isColored });
    this.#shown = lines;
    if (text !== '') this.#output.write(text);
  }

  /** The next picture is drawn as if nothing were there. */
  forget(): void {
    this.#shown = undefined;
  }

  #take(): void {
    this.#isEntered = true;
    this.#shown = undefined;
    this.#output.write(ENTER);
    if (this.#input.isTTY) this.#input.setRawMode(true);
    this.#input.resume();
  }
}

/** As `view-state.ts` names keys. */
export function keyName(text: string | undefined, key: Key | undefined): string {
  if (key?.ctrl && key.name !== undefined) return `ctrl-${key.name}`;
  if (key?.name === 'tab') return key.shift || key.sequence === '\x1b[Z' ? 'shift-tab' : 'tab';
  // Of a letter the name is small; the text tells S from s.
  if (text !== undefined && /^[\x20-\x7e]$/.test(text)) return text;
  return key?.name ?? '';
}
