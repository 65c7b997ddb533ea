/** Standard output of the commands that print what they are sent: whoever reads it may go at any time, as `head` does, which is no failure. */

/** To be called once, by a command that prints more than one line. */
export function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Whether colours are to be sent. https://no-color.org: any value that is not empty turns them off. */
export function wantsColor(isTerminal: boolean, noColorFlag: boolean, environment: NodeJS.ProcessEnv): boolean {
  return isTerminal && !noColorFlag && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb';
}

/** Whether the terminal reads UTF-8, by the locale; a terminal that does not would take parts of a character for commands. */
export function isAsciiOnly(environment: NodeJS.ProcessEnv, platform: NodeJS.Platform): boolean {
  if (platform === 'win32' || platform === 'darwin') return false;
  const locale = environment['LC_ALL'] || environment['LC_CTYPE'] || environment['LANG'] || '';
  return !/utf-?8/i.test(locale);
}
