/**
 * A terminal as far as `nexus top` uses one: cursor, erasing, the alternate screen, styles, wide characters, marks. A sequence it does not know is an error: the tests would not see what it
 * does. The dumb twin of `frame.ts`: it keeps every cell.
 */
import { widthOfCharacter } from '../../../dist/ts-src/cli/terminal-text.js';

interface Cell {
  text: string;
  style: string;
}

export class EmulatedTerminal {
  #columns: number;
  #rows: number;
  #screen: Cell[][];
  #main: Cell[][] | undefined;
  #row = 0;
  #column = 0;
  #style = '';
  #pending = '';
  #isForeign = false;
  isCursorShown = true;
  wraps = true;

  constructor(columns: number, rows: number) {
    this.#columns = columns;
    this.#rows = rows;
    this.#screen = blank(columns, rows);
  }

  get isAlternate(): boolean {
    return this.#main !== undefined;
  }

  /** What was on its way for the old size is kept on the screen, as terminals do, until it is cleared. */
  resize(columns: number, rows: number): void {
    this.#isForeign = true;
    this.#columns = columns;
    this.#rows = rows;
    this.#screen = Array.from({ length: rows }, (_, row) =>
      Array.from({ length: columns }, (_, column) => this.#screen[row]?.[column] ?? { text: ' ', style: '' }),
    );
  }

  write(text: string): void {
    let rest = this.#pending + text;
    this.#pending = '';
    while (rest !== '') {
      if (rest.startsWith('\x1b')) {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what a terminal reads
        const sequence = /^\x1b\[(\??)([\d;]*)([A-Za-z])/.exec(rest);
        if (sequence === null) {
          // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what a terminal reads
          if (!/^\x1b(\[\??[\d;]*)?$/.test(rest)) throw new Error(`no sequence a terminal knows: ${JSON.stringify(rest.slice(0, 20))}`);
          this.#pending = rest;
          return;
        }
        this.#obey(`${sequence[1]}${sequence[3]}`, (sequence[2] ?? '').split(';').map(Number));
        rest = rest.slice(sequence[0].length);
        continue;
      }
      const character = String.fromCodePoint(rest.codePointAt(0) as number);
      rest = rest.slice(character.length);
      if (character === '\n') this.#row = Math.min(this.#rows - 1, this.#row + 1);
      else if (character === '\r') this.#column = 0;
      else if (character < ' ') throw new Error(`a control: ${JSON.stringify(character)}`);
      else this.#put(character);
    }
  }

  texts(): string[] {
    return this.#screen.map((row) =>
      row
        .map(({ text }) => text)
        .join('')
        .trimEnd(),
    );
  }

  /** With styles; a blank that is not shown in reverse is a blank. */
  cells(): string[][] {
    return this.#screen.map((row) => row.map(({ text, style }) => (text === ' ' && style !== '7' && style !== '1;31' ? ' ' : `${text}${style}`)));
  }

  #put(character: string): void {
    const width = widthOfCharacter(character);
    const row = this.#screen[this.#row] as Cell[];
    if (width === 0) {
      const before = row[Math.max(0, this.#column - 1)] as Cell;
      const target = before.text === '' ? (row[this.#column - 2] as Cell) : before;
      target.text += character;
      return;
    }
    if (this.#column + width > this.#columns) {
      if (this.wraps && this.isAlternate) throw new Error('a line that wraps');
      if (!this.isAlternate) return;
      this.#column = this.#columns - width;
    }
    row[this.#column] = { text: character, style: this.#style };
    if (width === 2) row[this.#column + 1] = { text: '', style: this.#style };
    this.#column += width;
  }

  #obey(sequence: string, [first = 0, second = 0]: number[]): void {
    if (sequence === 'H') {
      this.#row = Math.max(1, first) - 1;
      this.#column = Math.max(1, second) - 1;
      if (this.#isForeign) [this.#row, this.#column] = [Math.min(this.#row, this.#rows - 1), Math.min(this.#column, this.#columns - 1)];
      if (this.#row >= this.#rows || this.#column > this.#columns) throw new Error(`the cursor is sent out of the screen: ${first};${second}`);
    } else if (sequence === 'J' && first === 2) {
      this.#screen = blank(this.#columns, this.#rows);
      this.#isForeign = false;
    } else if (sequence === 'K')
      for (let column = first === 2 ? 0 : this.#column; column < this.#columns; column++)
        (this.#screen[this.#row] as Cell[])[column] = { text: ' ', style: '' };
    else if (sequence === 'm') this.#style = first === 0 ? '' : second === 0 ? String(first) : `${first};${second}`;
    else if (sequence === '?h' || sequence === '?l') this.#switch(first, sequence === '?h');
    else throw new Error(`a sequence that is not expected: ${sequence} ${first};${second}`);
  }

  #switch(mode: number, isOn: boolean): void {
    if (mode === 25) this.isCursorShown = isOn;
    else if (mode === 7) this.wraps = isOn;
    else if (mode === 1049) {
      if (isOn === this.isAlternate) return;
      if (isOn) [this.#main, this.#screen] = [this.#screen, blank(this.#columns, this.#rows)];
      else [this.#screen, this.#main] = [this.#main as Cell[][], undefined];
    } else throw new Error(`a mode that is not expected: ${mode}`);
  }
}

function blank(columns: number, rows: number): Cell[][] {
  return Array.from({ length: rows }, () => Array.from({ length: columns }, () => ({ text: ' ', style: '' })));
}
