/**
 * Text of others as people can read it without being misled: an id may hold characters that show nothing, or turn the order of those beside them around, so that it looks like another one.
 * They are shown as their escapes in a JavaScript string. Pure. What joins letters and emoji is left as it is, and so are line breaks and tabs.
 */
const MISLEADING = /[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu;

export function visible(text: string): string {
  return text.replace(MISLEADING, (character) =>
    character === '\n' || character === '\t' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
