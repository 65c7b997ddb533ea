/** What an HTTP request asks of the service: method, target and headers in, a closed union out. Pure; answering is `service.mjs`. */

/**
 * @typedef {{ type: 'check', client: string, input: { path?: string, status?: number, atMs?: number } }
 *   | { type: 'stats' }
 *   | { type: 'clientStats', client: string }
 *   | { type: 'invalid', status: 400 | 404 | 405 | 422, error: string }} ServiceRequest
 */

const CLIENT_CHARACTERS_MAX = 256;
const PATH_CHARACTERS_MAX = 1024;
const EPOCH_MS_MAX = 8.64e15;
/** A client in the address that needs no decoding: most of them. */
const SIMPLE_CHECK = /^\/check\?client=([\w.:-]{1,256})$/;
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

/**
 * @param {string} method
 * @param {string} target path and query as they came
 * @param {string | string[] | undefined} clientHeader `x-client-id`
 * @param {{ logTime: boolean }} options `logTime`: the caller says when each request was made and how it ended
 * @returns {ServiceRequest}
 */
export function readServiceRequest(method, target, clientHeader, { logTime }) {
  if (method !== 'GET') return invalid(405, `${method} is not allowed; use GET`);
  if (clientHeader === undefined && !logTime) {
    const simple = SIMPLE_CHECK.exec(target);
    if (simple !== null) return { type: 'check', client: /** @type {string} */ (simple[1]), input: {} };
  }
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  if (path !== '/check' && path !== '/stats') return invalid(404, 'there is /check?client=ID and /stats');
  const query = readQuery(mark < 0 ? '' : target.slice(mark + 1));
  if (typeof query === 'string') return invalid(400, query);
  const inQuery = query.get('client');
  if (path === '/stats' && inQuery === undefined) return { type: 'stats' };
  if (Array.isArray(clientHeader)) return invalid(400, 'the header x-client-id is there more than once');
  if (inQuery !== undefined && clientHeader !== undefined && inQuery !== clientHeader) return invalid(400, 'client and x-client-id name different clients');
  const client = inQuery ?? clientHeader;
  if (client === undefined) return invalid(400, 'say which client: /check?client=ID or the header x-client-id');
  if (client.length > CLIENT_CHARACTERS_MAX || !VISIBLE_ASCII.test(client)) {
    return invalid(422, `a client is 1 to ${CLIENT_CHARACTERS_MAX} visible ASCII characters`);
  }
  if (path === '/stats') return { type: 'clientStats', client };
  return readCheck(client, query, logTime);
}

/**
 * @param {string} client
 * @param {Map<string, string>} query
 * @param {boolean} logTime
 * @returns {ServiceRequest}
 */
function readCheck(client, query, logTime) {
  /** @type {{ path?: string, status?: number, atMs?: number }} */
  const input = {};
  const path = query.get('path');
  if (path !== undefined) input.path = path.slice(0, PATH_CHARACTERS_MAX);
  const at = query.get('at');
  const status = query.get('status');
  if (!logTime) {
    if (at !== undefined || status !== undefined) return invalid(400, 'at and status are only for a service that replays a log');
    return { type: 'check', client, input };
  }
  if (at === undefined) return invalid(400, 'a service that replays a log needs at: the time of the request in milliseconds since 1970');
  const atMs = Number(at);
  if (!/^-?\d+$/.test(at) || Math.abs(atMs) > EPOCH_MS_MAX) return invalid(422, 'at must be whole milliseconds since 1970');
  input.atMs = atMs;
  if (status !== undefined) {
    if (!/^[1-9]\d\d$/.test(status)) return invalid(422, 'status must be a whole number from 100 to 999');
    input.status = Number(status);
  }
  return { type: 'check', client, input };
}

/**
 * The parameters, or what is wrong with them. Unknown ones are let through: they belong to whoever put them there.
 * @param {string} text
 * @returns {Map<string, string> | string}
 */
function readQuery(text) {
  const query = new Map();
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    let name;
    let value;
    try {
      name = decode(equals < 0 ? pair : pair.slice(0, equals));
      value = equals < 0 ? '' : decode(pair.slice(equals + 1));
    } catch {
      return 'the address has a percent sign that encodes nothing';
    }
    if (query.has(name)) return `the parameter ${JSON.stringify(name.slice(0, 50))} is there more than once`;
    query.set(name, value);
  }
  return query;
}

/** @param {string} text */
const decode = (text) => decodeURIComponent(text.replaceAll('+', ' '));

/**
 * @param {400 | 404 | 405 | 422} status
 * @param {string} error
 * @returns {ServiceRequest}
 */
const invalid = (status, error) => ({ type: 'invalid', status, error });
