/**
 * Which certificates a revocation list (RFC 5280) names, and by which key: the issuer and the serial number. OpenSSL checks new connections itself; this is for those that are open when a
 * list changes, which OpenSSL cannot be asked about. Reads DER of the operator's own file; whatever it is not, throws.
 */

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const CONTEXT_0 = 0xa0;
const TIMES: readonly number[] = [0x17, 0x18];

interface Element {
  readonly tag: number;
  /** Of the tag. */
  readonly start: number;
  readonly content: number;
  readonly end: number;
}

/** Keys of all certificates that the lists in a PEM text revoke. */
export function revokedKeys(pem: string): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const [, body] of pem.matchAll(/-----BEGIN X509 CRL-----([\s\S]+?)-----END X509 CRL-----/g)) {
    for (const key of revokedIn(Buffer.from(body as string, 'base64'))) keys.add(key);
  }
  return keys;
}

/** @param raw the DER of a certificate */
export function certificateKey(raw: Uint8Array): string {
  const parts = childrenOf(raw, childrenOf(raw, elementAt(raw, 0, SEQUENCE))[0]);
  if (parts[0]?.tag === CONTEXT_0) parts.shift();
  // serialNumber, signature, issuer
  const [serial, , issuer] = parts;
  return keyOf(raw, issuer, serial);
}

function revokedIn(raw: Uint8Array): string[] {
  const parts = childrenOf(raw, childrenOf(raw, elementAt(raw, 0, SEQUENCE))[0]);
  if (parts[0]?.tag === INTEGER) parts.shift();
  // signature, issuer, thisUpdate, nextUpdate?, revokedCertificates?
  const issuer = parts[1];
  const rest = parts.slice(2).filter(({ tag }) => !TIMES.includes(tag));
  if (rest[0]?.tag !== SEQUENCE) return [];
  return childrenOf(raw, rest[0]).map((entry) => keyOf(raw, issuer, childrenOf(raw, entry)[0]));
}

function keyOf(raw: Uint8Array, issuer: Element | undefined, serial: Element | undefined): string {
  if (issuer?.tag !== SEQUENCE || serial?.tag !== INTEGER) throw new Error('not the DER of a certificate or a revocation list');
  return `${hex(raw, issuer)}/${hex(raw, serial)}`;
}

function hex(raw: Uint8Array, { content, end }: Element): string {
  return Buffer.from(raw.buffer, raw.byteOffset + content, end - content).toString('hex');
}

function childrenOf(raw: Uint8Array, parent: Element | undefined): Element[] {
  const children: Element[] = [];
  for (let at = parent?.content ?? 0; parent !== undefined && at < parent.end; ) {
    const child = elementAt(raw, at);
    if (child.end > parent.end) throw new Error('DER: an element is longer than what it is in');
    children.push(child);
    at = child.end;
  }
  return children;
}

function elementAt(raw: Uint8Array, start: number, wantedTag?: number): Element {
  const tag = raw[start];
  const first = raw[start + 1];
  if (tag === undefined || first === undefined || (wantedTag !== undefined && tag !== wantedTag)) throw new Error('DER: not the element that is expected');
  let length = first;
  let content = start + 2;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw new Error('DER: a length of more than four bytes, or of none');
    length = 0;
    for (let index = 0; index < count; index++) length = length * 256 + (raw[content++] ?? 0);
  }
  const end = content + length;
  if (end > raw.length) throw new Error('DER: it ends too early');
  return { tag, start, content, end };
}
