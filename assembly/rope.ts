// Rotary position embedding, in the layout of Hugging Face: dimension i of a head turns together with i + rotaryDim/2,
// and what lies beyond the first rotaryDim dimensions stays.

/**
 * x[T, heads·headDim] in place; cos and sin are [positions, half] with half = rotaryDim/2. A unit is a token; row t has
 * position start + t mod period.
 */
export function rope(
  x: usize, cos: usize, sin: usize, heads: i32, headDim: i32, half: i32, start: i32, period: i32, begin: i32, end: i32,
): void {
  let bytes = <usize>half << 2, bytes4 = bytes & ~15, stride = <usize>headDim << 2;
  for (let t = begin; t < end; t++) {
    let at = <usize>(start + t % period) * bytes;
    let c = cos + at, s = sin + at;
    let a = x + <usize>t * <usize>heads * stride;
    for (let h = 0; h < heads; h++) {
      let b = a + bytes;
      let i: usize = 0;
      for (; i < bytes4; i += 16) {
        let u = v128.load(a + i), v = v128.load(b + i), ci = v128.load(c + i), si = v128.load(s + i);
        v128.store(a + i, f32x4.sub(f32x4.mul(u, ci), f32x4.mul(v, si)));
        v128.store(b + i, f32x4.add(f32x4.mul(v, ci), f32x4.mul(u, si)));
      }
      for (; i < bytes; i += 4) {
        let u = load<f32>(a + i), v = load<f32>(b + i), ci = load<f32>(c + i), si = load<f32>(s + i);
        store<f32>(a + i, u * ci - v * si);
        store<f32>(b + i, v * ci + u * si);
      }
      a += stride;
    }
  }
}
