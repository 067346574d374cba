/** Colours and weights of text (`SGR`), the one sequence that neither moves the cursor nor speaks to the terminal's host. */
const SGR = '\\u001b\\[[0-9;:]*m';
/** C0 but tab and line feed, DEL, C1: a terminal obeys them. */
const CONTROL = '[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]';
/** Overrides of the direction of text, which make a line read otherwise than it is. https://trojansource.codes */
const BIDI = '[\\u202a-\\u202e\\u2066-\\u2069]';

const HOSTILE = new RegExp(`${CONTROL}|${BIDI}`, 'g');
const PAINTED = new RegExp(`(${SGR})|${CONTROL}|${BIDI}`, 'g');
const RESET = '\u001b[0m';

const shown = (character: string): string => {
  const code = character.charCodeAt(0).toString(16);
  return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`;
};

/**
 * Text from outside for a terminal: control characters but line feed and tab, and overrides of the direction of text, are
 * shown (`\x1b`), never sent.
 */
export const safe = (text: string): string => text.replace(HOSTILE, shown);

/**
 * Like {@link safe}, for a message: what follows a line break of its own is marked, so that no message can pass for several,
 * nor for a command to whoever reads our lines (`::set-env` and the like of CI systems).
 */
export const safeMessage = (text: string): string => safe(text.replaceAll('\r\n', '\n')).replaceAll('\n', '\n  | ');

/**
 * Like {@link safe}, for lines that may hold colours, ours or those of a step: SGR sequences pass, or are left out where
 * `colors` is false, and what they switched on is switched off at the end. All else (cursor, title, links, clipboard) is
 * shown. https://invisible-island.net/xterm/ctlseqs/ctlseqs.html
 */
export const safeColors = (text: string, colors: boolean): string => {
  let open = false;
  const line = text.replace(PAINTED, (found, sgr: string | undefined) => {
    if (sgr === undefined) return shown(found);
    if (!colors) return '';
    open = sgr !== RESET && sgr !== '\u001b[m';
    return sgr;
  });
  return open ? `${line}${RESET}` : line;
};

/** What stands as two columns in a terminal: East Asian wide and full-width characters, and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
/** What stands on the character before it. */
const NARROW = /[\p{Mn}\p{Me}\p{Cf}]/u;

/** Columns that a text without control characters takes in a terminal. */
export const widthOf = (text: string): number => {
  // Most texts are ASCII, and tables have many of them.
  if (/^[ -~]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += NARROW.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
};
