// Decoding of byte tokens (`<0xE2>`) the way the Rust tokenizers library does it: a run of them that is valid UTF-8 is
// that text, any other run is one U+FFFD for each byte. (The JavaScript library drops a byte order mark and counts
// replacement characters differently.)

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function byteOf(token: string): number | undefined {
  const found = /^<0x([0-9A-Fa-f]{2})>$/.exec(token);
  return found ? Number.parseInt(found[1], 16) : undefined;
}

function textOf(run: number[]): string {
  try {
    return utf8.decode(Uint8Array.from(run));
  } catch {
    return '\uFFFD'.repeat(run.length);
  }
}

/** `tokens` with each run of byte tokens replaced by one text. */
export function joinByteTokens(tokens: readonly string[]): string[] {
  const texts: string[] = [];
  let run: number[] = [];
  const finishRun = () => {
    if (run.length > 0) texts.push(textOf(run));
    run = [];
  };
  for (const token of tokens) {
    const byte = byteOf(token);
    if (byte === undefined) {
      finishRun();
      texts.push(token);
    } else run.push(byte);
  }
  finishRun();
  return texts;
}
