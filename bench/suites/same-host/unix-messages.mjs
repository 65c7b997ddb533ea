/** Messages in a stream of bytes: length (u32), kind (u8), body. Given to the reader as they are complete. */
export function readMessages(received) {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (bytes.length - at >= 5) {
      const length = bytes.readUInt32LE(at);
      if (bytes.length - at - 5 < length) break;
      received(bytes[at + 4], bytes.subarray(at + 5, at + 5 + length));
      at += 5 + length;
    }
    rest = bytes.subarray(at);
  };
}
