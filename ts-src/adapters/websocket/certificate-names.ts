/** The names a certificate is of, and whether one of them is that of a node. Not the check of its signatures, which is that of OpenSSL. */
import type { X509Certificate } from 'node:crypto';

/** DNS names among the alternative names; the common name of a certificate that has none of them, as RFC 6125 wants it. In lower case. */
export function namesOf(certificate: X509Certificate): readonly string[] {
  const alternatives = [...(certificate.subjectAltName ?? '').matchAll(/(?:^|, )DNS:([^,"]+)/g)].map(([, name]) => (name as string).toLowerCase());
  if (alternatives.length > 0) return alternatives;
  const common = /^CN=(.+)$/m.exec(certificate.subject)?.[1];
  return common === undefined ? [] : [common.toLowerCase()];
}

/** The first label of a name in a certificate may be `*`, which stands for one label and no part of one. */
export function isNamed(names: readonly string[], wanted: string): boolean {
  const name = wanted.toLowerCase();
  const dot = name.indexOf('.');
  return names.some((candidate) => candidate === name || (dot > 0 && candidate.startsWith('*.') && candidate.slice(1) === name.slice(dot)));
}
