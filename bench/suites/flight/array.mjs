/** The floor: the numbers of an event into an array of the heap. */
import { eventNs } from './passes.mjs';

const EVENTS = 4096;
const NUMBERS = 8;

export async function run(size, report) {
  const ring = new Array(EVENTS * NUMBERS).fill(0);
  let written = 0;
  const write = (number) => {
    const at = (written & (EVENTS - 1)) * NUMBERS;
    ring[at] = 1000;
    ring[at + 1] = 0;
    ring[at + 2] = 9;
    ring[at + 3] = 0;
    ring[at + 4] = 0;
    ring[at + 5] = number;
    ring[at + 6] = 1;
    ring[at + 7] = 0;
    written++;
  };
  const last = () => ring[((written - 1) & (EVENTS - 1)) * NUMBERS + 5];
  report.value('flight event', 'ns', await eventNs(size, write, last));
}
