// The functions that are more than arithmetic, made of it: WGSL's own exp and tanh are off by as much as their device
// likes. The polynomials are those of the CPU kernels. What is not a number is told by its bits, because a shader compiler
// may take it that there is none.

export const functions = /* wgsl */ `
fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

/** x, though no compiler can know it: there are never 2³¹ workgroups. Mesa's would add up the two parts of ln 2, and reorder sums. */
fn opaque(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) | (p.groups >> 31)); }

/** eˣ: x = n·ln 2 + r, a polynomial of degree 6 in r, times 2ⁿ. Exactly 1 at 0 and 0 below −87.3; NaN stays NaN. */
fn exponential(x: f32) -> f32 {
  let t = clamp(x, -87.3, 88.0);
  let n = round(t * 1.44269504088896341);
  let r = fma(n, 2.12194440e-4, opaque(fma(n, -0.693359375, t)));
  var q = fma(1.9875691500e-4, r, 1.3981999507e-3);
  q = fma(q, r, 8.3334519073e-3);
  q = fma(q, r, 4.1665795894e-2);
  q = fma(q, r, 1.6666665459e-1);
  q = fma(q, r, 5.0000001201e-1);
  q = opaque(fma(q, r * r, r)) + 1.0;
  let y = q * bitcast<f32>(u32(i32(n) + 127) << 23);
  if (is_nan(x)) { return x; }
  return select(y, 0.0, x < -87.3);
}

/** An odd polynomial up to 0.625, where nothing may cancel, and beyond it 1 − 2/(e²ˣ + 1). */
fn hyperbolic_tangent(x: f32) -> f32 {
  let size = abs(x);
  let z = x * x;
  var q = fma(-5.704931042e-3, z, 2.063903903e-2);
  q = fma(q, z, -5.373970091e-2);
  q = fma(q, z, 1.333144204e-1);
  q = fma(q, z, -3.333328194e-1);
  let near = fma(x * z, q, x);
  let far = 1.0 - 2.0 / (exponential(size + size) + 1.0);
  if (is_nan(x)) { return x; }
  return select(bitcast<f32>(bitcast<u32>(far) | (bitcast<u32>(x) & 0x80000000u)), near, size < 0.625);
}

/** (1 + erf(x/√2)) / 2: e^(−x²/2) times a polynomial of degree 9 in 1/(1 + 0.34·|x|) is the tail beyond |x|. */
fn normal_cdf(x: f32) -> f32 {
  let t = 1.0 / (1.0 + abs(x) * 0.34);
  var q = fma(-2.647163395e-2, t, 1.411488757e-1);
  q = fma(q, t, -2.764116612e-1);
  q = fma(q, t, 2.057748732e-1);
  q = fma(q, t, -4.708282634e-2);
  q = fma(q, t, 1.163134454e-1);
  q = fma(q, t, 1.149677251e-1);
  q = fma(q, t, 1.361423571e-1);
  q = fma(q, t, 1.356188575e-1);
  let tail = q * t * exponential(x * x * -0.5);
  return select(1.0 - tail, tail, x < 0.0);
}

/** 1/(1 + e⁻ˣ): with e = e^−|x| it is 1/(1 + e) or e/(1 + e), and no exponential overflows. */
fn sigmoid(x: f32) -> f32 {
  let e = exponential(-abs(x));
  return select(1.0, e, x < 0.0) / (1.0 + e);
}

/** x through the activation of that number (ACTIVATIONS of the backend's interface). */
fn activated(x: f32, kind: u32) -> f32 {
  if (is_nan(x)) { return x; }
  switch kind {
    case 1: { return select(x, 0.0, x <= 0.0); }
    case 2: { return x * normal_cdf(x); }
    case 3: { return x * sigmoid(x * (1.5957691216057308 + x * x * 0.0713548162726009)); }
    case 4: { return x * sigmoid(x * 1.702); }
    default: { return x * sigmoid(x); }
  }
}
`;
