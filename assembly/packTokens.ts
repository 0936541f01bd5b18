// Tokens side by side, for the product with a sparse matrix: a tile of them as [columns][SPARSE_TILE], so that one entry of
// the matrix meets all tokens of a tile in a few vectors that lie together.

/** Tokens of a tile. */
export const SPARSE_TILE: i32 = 32;
/** Tokens of the narrow tile that takes up so many left over, or fewer. */
export const SPARSE_NARROW: i32 = 8;

/** Tokens that the tile has room for which begins where `rest` of them are left. */
// @ts-ignore: decorator
@inline
export function tileWidth(rest: i32): i32 {
  return rest <= SPARSE_NARROW ? SPARSE_NARROW : SPARSE_TILE;
}

/** Columns that are packed together: a line of the cache. */
const LINE: i32 = 16;

/** x[tokens, columns] as tiles one behind another, the last filled up with zeros. A unit is a tile. */
export function packTokens(x: usize, packed: usize, columns: i32, tokens: i32, begin: i32, end: i32): void {
  let stride = <usize>columns << 2;
  for (let tile = begin; tile < end; tile++) {
    let t0 = tile * SPARSE_TILE, rest = min(tokens - t0, SPARSE_TILE), width = tileWidth(tokens - t0);
    let from = x + stride * t0, to = packed + stride * t0, bytes = <usize>width << 2;
    if (rest < width) memory.fill(to, 0, stride * width);
    for (let c = 0; c < columns; c += LINE) {
      let n = min(LINE, columns - c), xc = from + (<usize>c << 2), at = to + bytes * c, t = 0;
      for (; t + 4 <= rest; t += 4) packFour(xc + stride * t, stride, n, at + (<usize>t << 2), bytes);
      for (; t < rest; t++)
        for (let i: usize = 0; i < <usize>n; i++)
          store<f32>(at + i * bytes + (<usize>t << 2), load<f32>(xc + stride * t + (i << 2)));
    }
  }
}

/** n columns of four tokens; `step` bytes from one column to the next. */
function packFour(x0: usize, stride: usize, n: i32, to: usize, step: usize): void {
  let x1 = x0 + stride, x2 = x1 + stride, x3 = x2 + stride, c = 0;
  for (; c + 4 <= n; c += 4) {
    transpose4(v128.load(x0), v128.load(x1), v128.load(x2), v128.load(x3), to, step);
    x0 += 16; x1 += 16; x2 += 16; x3 += 16;
    to += step << 2;
  }
  for (; c < n; c++) {
    store<f32>(to, load<f32>(x0)); store<f32>(to, load<f32>(x1), 4);
    store<f32>(to, load<f32>(x2), 8); store<f32>(to, load<f32>(x3), 12);
    x0 += 4; x1 += 4; x2 += 4; x3 += 4;
    to += step;
  }
}

/** Stores the columns of the matrix whose rows are a, b, c, d, `step` bytes apart. */
// @ts-ignore: decorator
@inline
export function transpose4(a: v128, b: v128, c: v128, d: v128, to: usize, step: usize): void {
  let ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  v128.store(to, v128.shuffle<f64>(ab, cd, 0, 2));
  v128.store(to + step, v128.shuffle<f64>(ab, cd, 1, 3));
  ab = v128.shuffle<f32>(a, b, 2, 6, 3, 7); cd = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to + (step << 1), v128.shuffle<f64>(ab, cd, 0, 2));
  v128.store(to + step * 3, v128.shuffle<f64>(ab, cd, 1, 3));
}
