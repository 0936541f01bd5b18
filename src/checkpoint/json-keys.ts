// What JSON.parse does not tell: the order of the top-level keys (it moves number-like ones to the front), keys that
// come twice (it drops the first), and how deep the text nests. A scan of the text before it is parsed.

export interface JsonKeys {
  /** Keys of the outermost object, in order. */
  top: string[];
  /** The first key that an object has twice. */
  duplicate: string | undefined;
  /** Deepest nesting met; the scan stops above `maxDepth`. */
  depth: number;
}

const quote = 34;
const comma = 44;
const backslash = 92;

/** Scans `json`; never throws: what is not JSON is left for JSON.parse to refuse. */
export function scanKeys(json: string, maxDepth: number): JsonKeys {
  const found: JsonKeys = { top: [], duplicate: undefined, depth: 0 };
  // One entry for each open bracket: the keys so far of an object, null of an array.
  const open: (Set<string> | null)[] = [];
  let keyNext = false;
  for (let i = 0; i < json.length; i++) {
    const c = json.charCodeAt(i);
    if (c === quote) {
      const end = endOfString(json, i);
      const keys = open[open.length - 1];
      if (keyNext && keys) {
        const key = decoded(json.slice(i, end + 1));
        if (keys.has(key)) found.duplicate ??= key;
        keys.add(key);
        if (open.length === 1) found.top.push(key);
      }
      keyNext = false;
      i = end;
    } else if (c === 123 || c === 91) {
      keyNext = c === 123;
      open.push(keyNext ? new Set() : null);
      found.depth = Math.max(found.depth, open.length);
      if (open.length > maxDepth) return found;
    } else if (c === 125 || c === 93) {
      open.pop();
    } else if (c === comma) {
      keyNext = open[open.length - 1] != null;
    }
  }
  return found;
}

/** Index of the quote that closes the string opened at `begin`, or the end of the text. */
export function endOfString(json: string, begin: number): number {
  for (let i = begin + 1; i < json.length; i++) {
    const c = json.charCodeAt(i);
    if (c === backslash) i++;
    else if (c === quote) return i;
  }
  return json.length;
}

function decoded(literal: string): string {
  if (!literal.includes('\\')) return literal.slice(1, -1);
  try {
    return JSON.parse(literal);
  } catch {
    return literal;
  }
}
