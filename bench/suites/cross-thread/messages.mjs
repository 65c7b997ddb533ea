/**
 * The values that cross threads, the same for every peer. Sizes are bytes of data: of an object the sum over its fields (4 for a 32-bit integer, 8 for
 * another number, 1 for a character), so names of fields and encoding come on top. Objects are new for each message, strings and byte arrays come from a
 * pool of different ones, so that no peer can recognise the last one.
 */
const POOL = 64;

const pool = (make) => Array.from({ length: POOL }, (_, index) => make(index));
const text = (length) => (index) => String.fromCharCode(97 + (index % 26)) + `${index}-`.padEnd(length - 1, 'the quick brown fox jumps over the lazy dog ');
const bytes = (length) => (index) => new Uint8Array(length).fill(index + 1);
const from = (values) => (index) => values[index % POOL];

const tags = pool(text(8));
const users = pool(text(16));
const notes = pool(text(52));

/** Makes byte arrays of one length. */
export const byteArrays = (length) => from(pool(bytes(length)));

/** @type {readonly { title: string, bytes: number, make: (index: number) => unknown }[]} */
export const MESSAGES = [
  { title: 'tell, object of 20 bytes', bytes: 20, make: (index) => ({ id: index, price: index + 0.5, tag: tags[index % POOL] }) },
  {
    title: 'tell, object of six fields',
    bytes: 52,
    make: (index) => ({ id: index, user: users[index % POOL], price: index + 0.25, quantity: index & 1023, tag: tags[(index + 1) % POOL], at: index * 1.5 }),
  },
  { title: 'tell, string of 20 bytes', bytes: 20, make: from(pool(text(20))) },
  {
    title: 'tell, object of 100 bytes',
    bytes: 100,
    make: (index) => ({
      id: index,
      user: users[index % POOL],
      price: index + 0.25,
      quantity: index & 1023,
      tag: tags[(index + 1) % POOL],
      at: index * 1.5,
      note: notes[index % POOL],
    }),
  },
  { title: 'tell, string of 100 bytes', bytes: 100, make: from(pool(text(100))) },
  { title: 'tell, Uint8Array of 100 bytes', bytes: 100, make: byteArrays(100) },
  { title: 'tell, string of 1 kB', bytes: 1024, make: from(pool(text(1024))) },
  { title: 'tell, Uint8Array of 1 kB', bytes: 1024, make: byteArrays(1024) },
  { title: 'tell, Uint8Array of 64 kB', bytes: 65_536, make: byteArrays(65_536) },
];

/** The same values where their shape is declared to nexus, which no peer knows: compared with the row of the same object without `declared`. */
export const DECLARED = [
  { ...MESSAGES[0], title: 'tell, declared object of 20 bytes', action: 'takeSmall' },
  { ...MESSAGES[1], title: 'tell, declared object of six fields', action: 'takeSix' },
  { ...MESSAGES.at(-1), title: 'tell, declared Uint8Array of 64 kB', action: 'takeBytes' },
];

/** What is asked and comes back. */
export const QUESTION = MESSAGES[0].make;

/** A number that only who has the whole value can know; senders and receivers add it up and compare. */
export function weigh(value) {
  if (typeof value === 'string') return value.length + value.charCodeAt(value.length - 1);
  if (value instanceof Uint8Array) return value.length + value[value.length - 1];
  return value.id + value.tag.length;
}

/** Large messages in smaller batches. */
export function batchOf(message) {
  return message.bytes > 10_000 ? 16 : 1000;
}
