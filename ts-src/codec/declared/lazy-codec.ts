/** A codec that is compiled when it is first used: of the actions a service declares, a thread uses a few. */
import type { Infer, Shape } from '../../model/shape.js';
import type { ReferenceCodec } from '../reference-codec.js';
import { type CodecOptions, compileCodec, type DeclaredCodec } from './declared-codec.js';

/** What senders and receivers of messages use of a codec. */
export type MessageCodec<T = unknown> = Pick<DeclaredCodec<T>, 'write' | 'read' | 'check'>;

/** @param shape that `checkShape` accepts */
export function lazyCodec<S extends Shape>(shape: S, references: ReferenceCodec, options: CodecOptions): MessageCodec<Infer<S>> {
  const codec = {
    write: (...rest: Parameters<MessageCodec<Infer<S>>['write']>) => compiled().write(...rest),
    read: (...rest: Parameters<MessageCodec<Infer<S>>['read']>) => compiled().read(...rest),
    check: (value: unknown) => compiled().check(value),
  };
  const compiled = (): MessageCodec<Infer<S>> => {
    const { write, read, check } = compileCodec(shape, references, options);
    return Object.assign(codec, { write, read, check });
  };
  return codec;
}
