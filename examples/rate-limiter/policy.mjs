/**
 * What one client may do: its limits with defaults and ranges, checked in one place. A policy is a plain value; who applies it is `admission.mjs`.
 */

/**
 * @typedef {object} AbusePolicy
 * @property {number} refusalPoints  Points for a request that was refused because the bucket was empty. Default 10.
 * @property {number} burstPoints  Points for taking the last token of the bucket, counted at most once in `halfLifeMs`. Default 5; less than half of `threshold`.
 * @property {number} errorPoints  Points for a request that ended with 401, 403 or 404. Default 5.
 * @property {number} threshold  A client with this many points is blocked. Default 100.
 * @property {number} halfLifeMs  Time in which half of the points are forgotten. Default 10,000.
 * @property {number} blockMs  How long a client is blocked. Default 5,000.
 */

/**
 * @typedef {object} Policy
 * @property {number} rate  Requests a second that a client may make for ever, 0.001 to 1,000,000. Default 5.
 * @property {number} burst  Requests that a rested client may make at once, 1 to 1,000,000. Default 10.
 * @property {number} idleMs  A client that asked nothing for so long, and of which there is nothing left to remember, ends. 0: never. Default 60,000.
 * @property {AbusePolicy} abuse
 */

/** @typedef {Partial<Omit<Policy, 'abuse'>> & { abuse?: Partial<AbusePolicy> }} PolicyChanges */

/** @type {Policy} */
export const DEFAULT_POLICY = Object.freeze({
  rate: 5,
  burst: 10,
  idleMs: 60_000,
  abuse: Object.freeze({ refusalPoints: 10, burstPoints: 5, errorPoints: 5, threshold: 100, halfLifeMs: 10_000, blockMs: 5000 }),
});

/** @type {Record<string, readonly [number, number]>} */
const RANGES = {
  rate: [0.001, 1_000_000],
  burst: [1, 1_000_000],
  idleMs: [0, 86_400_000],
  'abuse.refusalPoints': [0, 1_000_000],
  'abuse.burstPoints': [0, 1_000_000],
  'abuse.errorPoints': [0, 1_000_000],
  'abuse.threshold': [1, 1_000_000],
  'abuse.halfLifeMs': [1, 86_400_000],
  'abuse.blockMs': [1, 86_400_000],
};

/**
 * The whole policy, from the values that differ from the default one.
 * @param {PolicyChanges} [changes]
 * @returns {Policy}
 * @throws {RangeError} that names the value
 */
export function resolvePolicy(changes = {}) {
  const { abuse: abuseChanges = {}, ...limits } = changes;
  check('', limits);
  check('abuse.', abuseChanges);
  const policy = Object.freeze({ ...DEFAULT_POLICY, ...limits, abuse: Object.freeze({ ...DEFAULT_POLICY.abuse, ...abuseChanges }) });
  if (!Number.isInteger(policy.burst)) throw new RangeError(`burst is ${policy.burst}; it must be a whole number`);
  // Bursts once in every half-life add up to less than twice their points.
  if (2 * policy.abuse.burstPoints >= policy.abuse.threshold) {
    throw new RangeError('abuse.burstPoints is so high that a client within its rate could be blocked; it must be less than half of abuse.threshold');
  }
  return policy;
}

/**
 * @param {string} group
 * @param {Record<string, unknown>} values
 */
function check(group, values) {
  for (const [name, value] of Object.entries(values)) {
    const range = RANGES[group + name];
    if (range === undefined) throw new RangeError(`there is no policy value '${group}${name}'`);
    const [min, max] = range;
    if (!(typeof value === 'number' && value >= min && value <= max)) {
      throw new RangeError(`${group}${name} is ${String(value)}; it must be from ${min} to ${max}`);
    }
  }
}
