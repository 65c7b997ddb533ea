/** The checks of payloads that all tables make before they change anything. Names are checked where they are encoded: `encoded-key.ts`. */
import * as L from '../../layout/generated/layout.js';
import { NexusTypeError, quoted } from '../../ts-src/errors.js';

/** More than 65,536 bytes are a `NexusTypeError`. */
export function checkPayload(key: string, payload: Uint8Array | undefined): void {
  if (payload === undefined || payload.length <= L.PAYLOAD_BYTES_MAX) return;
  throw new NexusTypeError(
    'NEXUS_MESSAGE_TOO_LARGE',
    `the encoded init of agent ${quoted(key)} has ${payload.length} bytes; the most is ${L.PAYLOAD_BYTES_MAX}: send the rest as a message`,
    {
      id: key,
      bytesMax: L.PAYLOAD_BYTES_MAX,
    },
  );
}

export function checkPayloads(keys: readonly string[], payloads: readonly (Uint8Array | undefined)[] | undefined): void {
  if (payloads === undefined) return;
  if (payloads.length !== keys.length) throw new RangeError(`${payloads.length} payloads for ${keys.length} names`);
  for (let index = 0; index < keys.length; index++) checkPayload(keys[index] as string, payloads[index]);
}
