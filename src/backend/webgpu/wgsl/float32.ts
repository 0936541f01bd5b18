// Products and quotients of non-negative f32 in integers, rounded as IEEE 754 has it, subnormal numbers included. WGSL
// promises neither (it may take subnormal numbers for 0, and its division is off by up to 2.5 units in the last place),
// and scores decide by their last bit which of two weights goes.

export const float32 = /* wgsl */ `
/** The f32 m·2^(e − 127 − 30) with bit 30 of m set, and a little more where \`more\`; e may be anything. */
fn f32_packed(e: i32, mantissa: u32, more: bool) -> u32 {
  if (e >= 255) { return 0x7f800000u; }
  var m = mantissa | u32(more);
  var base = 0u;
  if (e <= 0) {
    let d = min(u32(1 - e), 31);
    m = (m >> d) | u32((m << (32 - d)) != 0);
  } else {
    base = u32(e - 1) << 23;
  }
  return base + ((m + 0x3fu + ((m >> 7) & 1u)) >> 7);
}

/** Exponent and mantissa, bit 23 of which is set. */
fn f32_parts(a: u32) -> vec2i {
  let e = i32(a >> 23);
  if (e != 0) { return vec2i(e, i32((a & 0x7fffffu) | 0x800000u)); }
  let up = countLeadingZeros(a) - 8;
  return vec2i(1 - i32(up), i32(a << up));
}

/** a·b in full, the low word first. */
fn wide_product(a: u32, b: u32) -> vec2u {
  let al = a & 0xffffu;
  let ah = a >> 16;
  let bl = b & 0xffffu;
  let bh = b >> 16;
  let low = al * bl;
  let middle = ah * bl + (low >> 16);
  let other = al * bh + (middle & 0xffffu);
  return vec2u((other << 16) | (low & 0xffffu), ah * bh + (middle >> 16) + (other >> 16));
}

/** a·b, of the bits of numbers ≥ 0. */
fn f32_mul(a: u32, b: u32) -> u32 {
  let ea = a >> 23;
  let eb = b >> 23;
  if (ea == 255 || eb == 255) { return max(a, b); }
  // Where neither an operand nor the product is subnormal or too large, the GPU's own product is the same.
  if (ea > 0 && eb > 0 && ea + eb > 129 && ea + eb < 380) { return bitcast<u32>(bitcast<f32>(a) * bitcast<f32>(b)); }
  if (a == 0 || b == 0) { return 0; }
  let x = f32_parts(a);
  let y = f32_parts(b);
  let product = wide_product(u32(x.y), u32(y.y));
  let e = x.x + y.x - 127;
  if ((product.y & 0x8000u) != 0) {
    return f32_packed(e + 1, (product.y << 15) | (product.x >> 17), (product.x & 0x1ffffu) != 0);
  }
  return f32_packed(e, (product.y << 16) | (product.x >> 16), (product.x & 0xffffu) != 0);
}

/** a/b, of the bits of numbers ≥ 0; the largest of bits where it is not a number. */
fn f32_div(a: u32, b: u32) -> u32 {
  if (a >= 0x7f800000u || b > 0x7f800000u) { return 0x7fc00000u; }
  if (b == 0) { return select(0x7f800000u, 0x7fc00000u, a == 0); }
  if (a == 0 || b == 0x7f800000u) { return 0; }
  let x = f32_parts(a);
  let y = f32_parts(b);
  var e = x.x - y.x + 127;
  var rest = u32(x.y);
  let divisor = u32(y.y);
  if (rest < divisor) {
    rest <<= 1;
    e -= 1;
  }
  var quotient = 0u;
  for (var i = 0; i < 31; i++) {
    quotient <<= 1;
    if (rest >= divisor) {
      rest -= divisor;
      quotient |= 1;
    }
    rest <<= 1;
  }
  return f32_packed(e, quotient, rest != 0);
}
`;
