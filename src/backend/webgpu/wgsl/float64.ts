// f64 in integers, for WGSL has none: a number is a vec2u of its bits, the low word first, as it lies in memory. Sums and
// products are rounded to nearest, ties to even, as IEEE 754 has it, so that they have the same bits on every device, and
// no compiler can reorder them (pairs of f32 with error terms were tried: the software Vulkan of Mesa simplifies the terms
// away). Subnormal numbers are taken for 0.

export const float64 = /* wgsl */ `
fn f64_nan(a: vec2u) -> bool { let e = a.y & 0x7fffffffu; return e > 0x7ff00000u || (e == 0x7ff00000u && a.x != 0); }

fn f64_finite(a: vec2u) -> bool { return (a.y & 0x7ff00000u) != 0x7ff00000u; }

fn f64_negated(a: vec2u) -> vec2u { return vec2u(a.x, a.y ^ 0x80000000u); }

/** m >> d, with the lowest bit set where a 1 was lost. */
fn f64_shifted(m: vec2u, d: u32) -> vec2u {
  if (d == 0) { return m; }
  if (d < 32) {
    return vec2u((m.y << (32 - d)) | (m.x >> d) | u32((m.x << (32 - d)) != 0), m.y >> d);
  }
  if (d == 32) { return vec2u(m.y | u32(m.x != 0), 0); }
  if (d < 64) { return vec2u((m.y >> (d - 32)) | u32((m.y << (64 - d)) != 0 || m.x != 0), 0); }
  return vec2u(u32((m.x | m.y) != 0), 0);
}

/** The number ±m·2^(e − 1023 − 62) with bit 62 of m set, rounded. */
fn f64_packed(sign: u32, exponent: i32, mantissa: vec2u) -> vec2u {
  var m = mantissa;
  var e = exponent;
  let rest = m.x & 0x3ffu;
  m.x += 0x200u;
  if (m.x < 0x200u) { m.y += 1; }
  if ((m.y & 0x80000000u) != 0) {
    m = vec2u((m.y << 31) | (m.x >> 1), m.y >> 1);
    e += 1;
  }
  m = vec2u((m.y << 22) | (m.x >> 10), m.y >> 10);
  if (rest == 0x200u) { m.x &= 0xfffffffeu; }
  if (e >= 0x7ff) { return vec2u(0, sign | 0x7ff00000u); }
  if (e <= 0) { return vec2u(0, sign); }
  return vec2u(m.x, sign | (u32(e) << 20) | (m.y & 0xfffffu));
}

/** The 53 bits of a number, from bit 62 down; 0 for what is subnormal. */
fn f64_mantissa(a: vec2u) -> vec2u {
  if ((a.y & 0x7ff00000u) == 0) { return vec2u(0); }
  let high = (a.y & 0xfffffu) | 0x100000u;
  return vec2u(a.x << 10, (high << 10) | (a.x >> 22));
}

fn f64_add(first: vec2u, second: vec2u) -> vec2u {
  var a = first;
  var b = second;
  let sizeA = a.y & 0x7fffffffu;
  let sizeB = b.y & 0x7fffffffu;
  if (sizeA < sizeB || (sizeA == sizeB && a.x < b.x)) {
    a = second;
    b = first;
  }
  let sign = a.y & 0x80000000u;
  let same = ((a.y ^ b.y) & 0x80000000u) == 0;
  if (!f64_finite(a)) {
    if (f64_nan(a) || (!f64_finite(b) && !same)) { return vec2u(0, 0x7ff80000u); }
    return a;
  }
  let e = i32((a.y >> 20) & 0x7ffu);
  let distance = u32(e - i32((b.y >> 20) & 0x7ffu));
  var m = f64_mantissa(a);
  let n = f64_shifted(f64_mantissa(b), distance);
  if ((m.x | m.y) == 0) { return vec2u(0, select(0u, sign, same)); }
  if (same) {
    let low = m.x + n.x;
    m = vec2u(low, m.y + n.y + u32(low < n.x));
    if ((m.y & 0x80000000u) != 0) { return f64_packed(sign, e + 1, f64_shifted(m, 1)); }
    return f64_packed(sign, e, m);
  }
  m = vec2u(m.x - n.x, m.y - n.y - u32(m.x < n.x));
  if ((m.x | m.y) == 0) { return vec2u(0); }
  var up = 0u;
  if (m.y == 0) {
    up = 31 + countLeadingZeros(m.x);
    if (up == 31) { m = vec2u(m.x << 31, m.x >> 1); } else { m = vec2u(0, m.x << (up - 32)); }
  } else {
    up = countLeadingZeros(m.y) - 1;
    if (up > 0) { m = vec2u(m.x << up, (m.y << up) | (m.x >> (32 - up))); }
  }
  return f64_packed(sign, e - i32(up), m);
}

fn f64_mul(a: vec2u, b: vec2u) -> vec2u {
  let sign = (a.y ^ b.y) & 0x80000000u;
  let m = f64_mantissa(a);
  let n = f64_mantissa(b);
  if (!f64_finite(a) || !f64_finite(b)) {
    let zero = (f64_finite(a) && (m.x | m.y) == 0) || (f64_finite(b) && (n.x | n.y) == 0);
    if (f64_nan(a) || f64_nan(b) || zero) { return vec2u(0, 0x7ff80000u); }
    return vec2u(0, sign | 0x7ff00000u);
  }
  if ((m.x | m.y) == 0 || (n.x | n.y) == 0) { return vec2u(0, sign); }
  let low = wide_product(m.x, n.x);
  let one = wide_product(m.x, n.y);
  let two = wide_product(m.y, n.x);
  let high = wide_product(m.y, n.y);
  // Words 1, 2 and 3 of the product.
  var w1 = low.y + one.x;
  var c = u32(w1 < one.x);
  w1 += two.x;
  c += u32(w1 < two.x);
  var w2 = one.y + c;
  var d = u32(w2 < c);
  w2 += two.y;
  d += u32(w2 < two.y);
  w2 += high.x;
  d += u32(w2 < high.x);
  let w3 = high.y + d;
  // Bit 125 or 124 of the product leads, as bit 61 or 60 of its upper half: one or two places up to bit 62.
  let up = countLeadingZeros(w3) - 1;
  let top = vec2u((w2 << up) | (w1 >> (32 - up)) | u32(((w1 << up) | low.x) != 0), (w3 << up) | (w2 >> (32 - up)));
  let e = i32((a.y >> 20) & 0x7ffu) + i32((b.y >> 20) & 0x7ffu) - 1023 + 2 - i32(up);
  return f64_packed(sign, e, top);
}

/** The same number. */
fn f64_of(x: u32) -> vec2u {
  let sign = x & 0x80000000u;
  let e = (x >> 23) & 0xffu;
  let m = x & 0x7fffffu;
  if (e == 0xffu) { return vec2u(m << 29, sign | 0x7ff00000u | (m >> 3)); }
  if (e != 0) { return vec2u(m << 29, sign | ((e + 896) << 20) | (m >> 3)); }
  if (m == 0) { return vec2u(0, sign); }
  let up = countLeadingZeros(m) - 8;
  let n = (m << up) & 0x7fffffu;
  return vec2u(n << 29, sign | ((897 - up) << 20) | (n >> 3));
}

/** The nearest f32, as bits. */
fn f64_narrow(a: vec2u) -> u32 {
  let sign = (a.y >> 31) << 31;
  if (f64_nan(a)) { return 0x7fc00000u; }
  if (!f64_finite(a)) { return sign | 0x7f800000u; }
  let m = f64_mantissa(a);
  if (m.y == 0) { return sign; }
  return sign | f32_packed(i32((a.y >> 20) & 0x7ffu) - 896, m.y, m.x != 0);
}
`;
