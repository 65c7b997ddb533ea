/**
 * The certificate, key, authority and revocation list of a node, read from their files, and read again when they have changed. What does not fit together is refused and logged once, and
 * the node goes on with what it had: a half-written file must not cut a node off. Used by the wire, which gives new connections the new ones.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { constants } from 'node:crypto';
import { NexusError } from '../../errors.js';
import type { ClusterTlsOptions } from '../../model/cluster-options.js';
import { revokedKeys } from './revocation-list.js';

/** Larger files are not what they are said to be. */
const FILE_BYTES_MAX = 16_777_216;

export interface TlsMaterial {
  readonly options: SecureContextOptions;
  readonly context: SecureContext;
  /** See `certificateKey`. */
  readonly revoked: ReadonlySet<string>;
}

export class TlsFiles {
  readonly #options: ClusterTlsOptions;
  #texts: readonly string[] = [];
  #current: TlsMaterial;

  /** @throws NexusError NEXUS_TLS_FILES */
  constructor(options: ClusterTlsOptions) {
    this.#options = options;
    this.#texts = this.#read();
    this.#current = materialOf(this.#texts, options);
  }

  get current(): TlsMaterial {
    return this.#current;
  }

  /**
   * What is in the files now, if that is something else than before. A text that was refused is not tried again until it changes.
   * @throws NexusError NEXUS_TLS_FILES; `current` stays
   */
  reload(): TlsMaterial | undefined {
    const texts = this.#read();
    if (texts.every((text, index) => text === this.#texts[index])) return undefined;
    this.#texts = texts;
    this.#current = materialOf(texts, this.#options);
    return this.#current;
  }

  #read(): readonly string[] {
    const { certificateFile, keyFile, authorityFile, revocationListFile } = this.#options;
    return [certificateFile, keyFile, authorityFile, ...(revocationListFile === undefined ? [] : [revocationListFile])].map(textOf);
  }
}

function textOf(file: string): string {
  try {
    const bytes = readFileSync(file);
    if (bytes.length > FILE_BYTES_MAX) throw new Error(`it has more than ${FILE_BYTES_MAX} bytes`);
    return bytes.toString('latin1');
  } catch (cause) {
    throw new NexusError('NEXUS_TLS_FILES', `${file} cannot be read: ${(cause as Error).message}`, { cause, data: { file } });
  }
}

function materialOf([cert, key, ca, crl]: readonly string[], files: ClusterTlsOptions): TlsMaterial {
  const options: SecureContextOptions = {
    cert,
    key,
    ca,
    ...(crl === undefined ? {} : { crl }),
    minVersion: 'TLSv1.2',
    // A session that is resumed brings the verdict about its certificate along: nobody would look at a newer revocation list.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
  try {
    // OpenSSL takes a file of authorities in which there is none.
    new X509Certificate(ca as string);
    return { options, context: createSecureContext(options), revoked: crl === undefined ? new Set() : revokedKeys(crl) };
  } catch (cause) {
    const names = Object.values(files).filter((value) => value !== files.serverName);
    throw new NexusError('NEXUS_TLS_FILES', `the files of TLS are not usable, or do not fit each other (${names.join(', ')}): ${(cause as Error).message}`, {
      cause,
      data: { files: names },
    });
  }
}
