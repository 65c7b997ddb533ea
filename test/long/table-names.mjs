/** Names of the long run, the same in every thread: of all lengths up to what needs two extension records. */
export const NAMES = 12_000;
export const CONTENDED = 256;

export function ownName(thread, name) {
  return `own/${thread}/${name}/${'x'.repeat((name * 13) % 110)}`;
}

export function contendedName(name) {
  return `all/${name}/${'y'.repeat((name * 17) % 80)}`;
}
