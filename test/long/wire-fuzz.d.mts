/** Types of `wire-fuzz.mjs` for the tests. */
export interface FuzzResult {
  readonly executions: number;
  readonly findings: readonly { readonly what: string; readonly error: string; readonly input: string }[];
  readonly corpus: number;
  readonly places: number;
  readonly ended: Readonly<Record<string, number>>;
}
export function fuzz(options: {
  readonly seconds?: number;
  readonly executions?: number;
  readonly seed?: number;
  readonly guided?: boolean;
}): Promise<FuzzResult>;
