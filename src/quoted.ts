// How something that a file says appears in a message: on one line, without control characters, not too long.

const longest = 120;

/** `value` as JSON, shortened to about 120 characters; `nothing` where there is none. For what a file says, so it may be deep. */
export function quoted(value: unknown): string {
  if (value === undefined) return 'nothing';
  let text: string;
  try {
    text = JSON.stringify(typeof value === 'string' ? value.slice(0, longest + 1) : value) ?? '?';
  } catch (error) {
    // The stack ends, or the longest string.
    if (!(error instanceof RangeError)) throw error;
    return `${Array.isArray(value) ? 'a list' : 'an object'} too deep to show`;
  }
  // JSON leaves the C1 control characters as they are.
  const plain = text.replace(/[\u007f-\u009f\u2028\u2029]/g, '?');
  return plain.length > longest ? `${plain.slice(0, longest)}…` : plain;
}

/** `FILE, tensor "NAME"`, for the `where` of an error. */
export const tensorAt = (file: string, name: string) => `${file}, tensor ${quoted(name)}`;

/** A shape as people write it: `[32, 48]`; of a long one the first axes. */
export const shapeText = (shape: readonly number[]) =>
  `[${shape.slice(0, 8).join(', ')}${shape.length > 8 ? ', …' : ''}]`;
