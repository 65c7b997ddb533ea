/** How long something takes, as a distribution that a simulation draws from: plain values. */
import { optionError, valueText } from '../../errors.js';

/** How long something takes, milliseconds. A number is always that long. */
export type Distribution =
  | number
  | { readonly type: 'uniform'; readonly fromMs: number; readonly toMs: number }
  /** Starts at `minMs` (default 0), and is `meanMs` on average. */
  | { readonly type: 'exponential'; readonly meanMs: number; readonly minMs?: number }
  /** Half of the values are below `medianMs`. With `sigma` 0.5 one of a hundred is above three times that, with 1 above ten times. */
  | { readonly type: 'logNormal'; readonly medianMs: number; readonly sigma: number }
  /** A heavy tail: from `minMs`, and the lower `alpha` (above 0), the heavier; never above `maxMs`. */
  | { readonly type: 'pareto'; readonly minMs: number; readonly alpha: number; readonly maxMs: number };

const MS_MAX = 1e9;

/** @throws NexusTypeError NEXUS_OPTION_INVALID */
export function checkDistribution(name: string, value: Distribution): void {
  const fail = (what: string): never => {
    throw optionError(name, what);
  };
  const time = (key: string, ms: unknown): void => {
    if (!(typeof ms === 'number' && ms >= 0 && ms <= MS_MAX)) fail(`${key} is ${valueText(ms)}; it must be from 0 to ${MS_MAX}`);
  };
  if (typeof value === 'number') return time('the time', value);
  switch (value?.type) {
    case 'uniform':
      time('fromMs', value.fromMs);
      time('toMs', value.toMs);
      if (value.toMs < value.fromMs) fail(`toMs is ${value.toMs}, which is less than fromMs, ${value.fromMs}`);
      return;
    case 'exponential':
      time('meanMs', value.meanMs);
      time('minMs', value.minMs ?? 0);
      if (value.meanMs < (value.minMs ?? 0)) fail(`meanMs is ${value.meanMs}, which is less than minMs, ${value.minMs}`);
      return;
    case 'logNormal':
      time('medianMs', value.medianMs);
      if (!(value.sigma >= 0 && value.sigma <= 5)) fail(`sigma is ${valueText(value.sigma)}; it must be from 0 to 5`);
      return;
    case 'pareto':
      time('minMs', value.minMs);
      time('maxMs', value.maxMs);
      if (!(value.alpha > 0 && value.alpha <= 100)) fail(`alpha is ${valueText(value.alpha)}; it must be above 0 and at most 100`);
      if (value.maxMs < value.minMs) fail(`maxMs is ${value.maxMs}, which is less than minMs, ${value.minMs}`);
      return;
    default:
      fail(`is ${valueText(value)}; it must be a number of milliseconds, or { type: 'uniform' | 'exponential' | 'logNormal' | 'pareto', ... }`);
  }
}

/** @param draw 0 ≤ draw < 1 */
export function sampleMs(distribution: Distribution, draw: number): number {
  if (typeof distribution === 'number') return distribution;
  switch (distribution.type) {
    case 'uniform':
      return distribution.fromMs + draw * (distribution.toMs - distribution.fromMs);
    case 'exponential': {
      const { meanMs, minMs = 0 } = distribution;
      return minMs - Math.log1p(-draw) * (meanMs - minMs);
    }
    case 'logNormal':
      return distribution.medianMs * Math.exp(distribution.sigma * normalOf(draw));
    case 'pareto':
      return Math.min(distribution.maxMs, distribution.minMs * (1 - draw) ** (-1 / distribution.alpha));
  }
}

/** The inverse of the normal distribution, by the rational approximation of Peter Acklam: relative error below 1.2e-9. */
function normalOf(draw: number): number {
  const p = Math.min(Math.max(draw, 1e-10), 1 - 1e-10);
  if (p < 0.02425) return tailOf(Math.sqrt(-2 * Math.log(p)));
  if (p > 1 - 0.02425) return -tailOf(Math.sqrt(-2 * Math.log(1 - p)));
  const q = p - 0.5;
  const r = q * q;
  const above =
    (((((-39.69683028665376 * r + 220.9460984245205) * r - 275.9285104469687) * r + 138.357751867269) * r - 30.66479806614716) * r + 2.506628277459239) * q;
  const below = ((((-54.47609879822406 * r + 161.5858368580409) * r - 155.6989798598866) * r + 66.80131188771972) * r - 13.28068155288572) * r + 1;
  return above / below;
}

function tailOf(q: number): number {
  const above =
    ((((-0.007784894002430293 * q - 0.3223964580411365) * q - 2.400758277161838) * q - 2.549732539343734) * q + 4.374664141464968) * q + 2.938163982698783;
  const below = (((0.007784695709041462 * q + 0.3224671290700398) * q + 2.445134137142996) * q + 3.754408661907416) * q + 1;
  return above / below;
}
