/** What every answer below `/console` says to a browser: nothing but its own files and connections, in no frame, and its address is nobody's business. */
export const CONSOLE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
};

/** @param url as the request has it */
export function consoleHeaders(url: string): Readonly<Record<string, string>> | undefined {
  return /^\/console(?:[/?]|$)/.test(url) ? CONSOLE_HEADERS : undefined;
}
