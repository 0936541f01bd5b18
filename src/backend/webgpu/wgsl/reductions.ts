// Sums and largest numbers over the lanes of a workgroup, in a fixed order; every lane must call them, and gets the result.

/** `total(value, lane)` for workgroups of so many lanes, a power of two. */
export const total = (lanes: number): string => reduction('total', 'f32', lanes, 'a + b');

/** `largest(value, lane)`, which passes over what is not a number. */
export const largest = (lanes: number): string => reduction('largest', 'f32', lanes, 'select(a, b, b > a)');

/** `prefix(value, lane)`: the sum of the values of the lanes before this one; and `prefix_all`, that of all, after it. */
export const prefix = (lanes: number): string => /* wgsl */ `
var<workgroup> prefix_values: array<u32, ${lanes}>;
fn prefix(value: u32, lane: u32) -> u32 {
  workgroupBarrier();
  prefix_values[lane] = value;
  workgroupBarrier();
  for (var step = 1u; step < ${lanes}; step <<= 1) {
    var before = 0u;
    if (lane >= step) { before = prefix_values[lane - step]; }
    workgroupBarrier();
    prefix_values[lane] += before;
    workgroupBarrier();
  }
  return prefix_values[lane] - value;
}
fn prefix_all() -> u32 { return workgroupUniformLoad(&prefix_values[${lanes - 1}]); }`;

function reduction(name: string, type: string, lanes: number, step: string): string {
  return /* wgsl */ `
var<workgroup> ${name}_values: array<${type}, ${lanes}>;
fn ${name}(value: ${type}, lane: u32) -> ${type} {
  workgroupBarrier();
  ${name}_values[lane] = value;
  workgroupBarrier();
  for (var half = ${lanes / 2}u; half > 0; half >>= 1) {
    if (lane < half) {
      let a = ${name}_values[lane];
      let b = ${name}_values[lane + half];
      ${name}_values[lane] = ${step};
    }
    workgroupBarrier();
  }
  return workgroupUniformLoad(&${name}_values[0]);
}`;
}
