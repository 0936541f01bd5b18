// Token embeddings: rows of a table, by id.

/** y[t] = table[ids[t]], rows of n f32. A unit is a token. */
export function embed(ids: usize, table: usize, y: usize, n: i32, begin: i32, end: i32): void {
  let bytes = <usize>n << 2;
  for (let t = <usize>begin; t < <usize>end; t++)
    memory.copy(y + t * bytes, table + <usize>load<u32>(ids + (t << 2)) * bytes, bytes);
}
