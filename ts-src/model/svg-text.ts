/** Text for pictures as SVG: what a history, a trace or a cluster says may be anything, and must not become markup. */

/** For the content of elements and for attributes in double quotes; control characters, which XML does not know, become spaces. */
export function escapedText(text: string): string {
  return text
    .replace(/\p{Cc}/gu, ' ')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;');
}
