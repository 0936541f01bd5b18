// Token embeddings: rows of a table, by id.

/** y[t] = table[ids[t]], rows of n f32, which the table holds as such or, if `half`, as bf16. A unit is a token. */
export function embed(ids: usize, table: usize, y: usize, n: i32, half: bool, begin: i32, end: i32): void {
  let bytes = <usize>n << 2, stored = half ? bytes >> 1 : bytes;
  for (let t = <usize>begin; t < <usize>end; t++) {
    let row = table + <usize>load<u32>(ids + (t << 2)) * stored, yt = y + t * bytes;
    if (!half) memory.copy(yt, row, bytes);
    else for (let i: usize = 0; i < bytes; i += 4) store<u32>(yt + i, <u32>load<u16>(row + (i >> 1)) << 16);
  }
}
