/** What two processes say to each other before they share memory: only who knows the secret is believed, and only what is whole is understood. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeHello, encodeAnswer, encodeHello, isAnswerProven, isHelloProven, secretId } from '../../../dist/ts-src/cluster/same-host/link-handshake.js';

const secret = Uint8Array.from({ length: 32 }, (_, index) => index);
const other = Uint8Array.from({ length: 32 }, (_, index) => index + 1);
const random = new Uint8Array(16).fill(9);

test('who knows the secret is believed, on both sides, and who does not is not', () => {
  const hello = decodeHello(encodeHello(secret, random));
  if (hello === undefined) throw new Error('a hello is not understood');
  expect(hello.secretId).toBe(secretId(secret));
  expect(isHelloProven(hello, secret)).toBe(true);
  expect(isHelloProven(hello, other)).toBe(false);
  // The proof of one hello is none for another one.
  expect(isHelloProven({ ...hello, random: new Uint8Array(16) }, secret)).toBe(false);
  expect(isAnswerProven(encodeAnswer(secret, hello.random), secret, random)).toBe(true);
  expect(isAnswerProven(encodeAnswer(other, random), secret, random)).toBe(false);
  expect(isAnswerProven(encodeAnswer(secret, new Uint8Array(16)), secret, random)).toBe(false);
});

test('the proof of one role is none of the other: a hello cannot be sent back as an answer', () => {
  const hello = encodeHello(secret, random);
  const answer = Buffer.concat([hello.subarray(0, 5), hello.subarray(hello.length - 32)]);
  expect(answer.length).toBe(encodeAnswer(secret, random).length);
  expect(isAnswerProven(answer, secret, random)).toBe(false);
});

test('the secret is in nothing that is said', () => {
  for (const said of [encodeHello(secret, random), encodeAnswer(secret, random), Buffer.from(secretId(secret), 'hex')])
    for (let length = 4; length <= 32; length += 4) expect(Buffer.from(said).includes(Buffer.from(secret.subarray(0, length)))).toBe(false);
});

test('bytes that are no hello and no answer are refused, whatever they are', () => {
  const hello = encodeHello(secret, random);
  for (let length = 0; length < hello.length; length++) expect(decodeHello(hello.subarray(0, length))).toBeUndefined();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const decoded = decodeHello(bytes);
      expect(decoded === undefined || !isHelloProven(decoded, secret)).toBe(true);
      expect(isAnswerProven(bytes, secret, random)).toBe(false);
    }),
  );
  fc.assert(
    fc.property(fc.nat(hello.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const changed = Uint8Array.from(hello);
      changed[at] = (changed[at] as number) ^ change;
      const decoded = decodeHello(changed);
      expect(decoded === undefined || decoded.secretId !== secretId(secret) || !isHelloProven(decoded, secret)).toBe(true);
    }),
  );
});
