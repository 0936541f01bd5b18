// Texts as Python sees them, where JavaScript sees them otherwise: what counts as white space, how numbers are written,
// how long a text is. The harness is a Python program, and its prompts and files hold to Python's rules.

const space = '[\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const isSpace = new RegExp(`^${space}$`);

/** `text.rstrip()`; linear, whatever is inside. */
export function rstrip(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace.test(text[end - 1])) end--;
  return text.slice(0, end);
}

/** `text.lstrip()` */
export function lstrip(text: string): string {
  let begin = 0;
  while (begin < text.length && isSpace.test(text[begin])) begin++;
  return text.slice(begin);
}

/** `text.strip()` */
export const strip = (text: string): string => lstrip(rstrip(text));

/** `text.capitalize()`: the first character large, all others small. */
export function capitalize(text: string): string {
  const [first = ''] = text;
  const [large = '', ...more] = first.toUpperCase();
  // ß and ligatures become two letters, of which the first alone is large. The rest is made small in its place: a Σ at the
  // end of a word is another small letter than elsewhere.
  return large + more.join('').toLowerCase() + text.toLowerCase().slice(first.toLowerCase().length);
}

/** `len(text)`: characters, those above U+FFFF being one. */
export function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** `len(text.split())`-like count of the harness: pieces between runs of white space, empty ones at the ends included. */
export const words = (text: string): number => text.split(new RegExp(`${space}+`)).length;

/** `str(value)` of a float: `-12.0`, `1e-07`. */
export function float(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const [, sign, digits, exponent] = /^(-?)([\d.]+)e([+-]\d+)$/.exec(value.toExponential()) ?? [];
  const power = Number(exponent);
  if (power < -4 || power >= 16) {
    const [, mark, size] = /^([+-])(\d+)$/.exec(exponent) ?? [];
    return `${sign}${digits}e${mark}${size.padStart(2, '0')}`;
  }
  const text = Object.is(value, -0) ? '-0' : String(value);
  const plain = text.includes('e') ? value.toFixed(20).replace(/0+$/, '') : text;
  return plain.includes('.') ? plain : `${plain}.0`;
}
