/** Nobody watches. */
import { tellWatched } from './telling.mjs';

export function run(size, report) {
  return tellWatched(size, report, {});
}
