/**
 * Validators of the Standard Schema specification (zod, valibot, ArkType and others): recognising one, and what came of a value. Whoever holds the value decides what
 * a refusal means: `prepared-action.ts` for inputs and states. The validators themselves are the user's.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';

/** What is wrong with a value: where, and what. */
export interface Issue {
  /** Keys from the value inwards; empty for the value itself. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

export type Validation = { readonly type: 'valid'; readonly value: unknown } | Refused;
export interface Refused {
  readonly type: 'refused';
  readonly issues: readonly Issue[];
  /** What the validator threw, where it did. */
  readonly cause: unknown;
}

/** Issues of one value that are passed on. */
export const ISSUES_MAX = 100;
const TEXT_LENGTH_MAX = 1000;
/** Issues that a message names. */
const ISSUES_SHOWN = 3;

export function isStandardSchema(value: unknown): value is StandardSchemaV1 {
  // ArkType's are functions.
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  const standard = (value as { readonly '~standard'?: { readonly validate?: unknown } })['~standard'];
  return typeof standard === 'object' && standard !== null && typeof standard.validate === 'function';
}

/** A promise only if the validator is async; it never rejects. A validator that throws refuses the value: nothing has been changed by it. */
export function validate(schema: StandardSchemaV1, value: unknown): Validation | Promise<Validation> {
  try {
    const result = schema['~standard'].validate(value);
    return isPromise(result) ? Promise.resolve(result).then(validationOf, failed) : validationOf(result);
  } catch (error) {
    return failed(error);
  }
}

/** `at` and what is wrong there, of the first few issues. */
export function textOf(issues: readonly Issue[], at: string): string {
  const shown = issues
    .slice(0, ISSUES_SHOWN)
    .map(({ path, message }) => `${at}${path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('')}: ${message}`);
  return issues.length > ISSUES_SHOWN ? `${shown.join('; ')}; and ${issues.length - ISSUES_SHOWN} more` : shown.join('; ');
}

export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

function validationOf(result: StandardSchemaV1.Result<unknown>): Validation {
  if (typeof result !== 'object' || result === null) return failed(new TypeError('the validator returned neither a value nor issues'));
  if (result.issues === undefined) return { type: 'valid', value: result.value };
  return { type: 'refused', issues: result.issues.slice(0, ISSUES_MAX).map(issueOf), cause: undefined };
}

function issueOf({ message, path }: StandardSchemaV1.Issue): Issue {
  const keys = (path ?? []).map((segment) => (typeof segment === 'object' ? segment.key : segment));
  return { path: keys.map((key) => (typeof key === 'symbol' ? String(key) : key)), message: cut(String(message)) };
}

function failed(cause: unknown): Validation {
  const text = cause instanceof Error ? cause.message : String(cause);
  return { type: 'refused', issues: [{ path: [], message: cut(`the validator failed: ${text}`) }], cause };
}

function cut(text: string): string {
  return text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX)}...` : text;
}
