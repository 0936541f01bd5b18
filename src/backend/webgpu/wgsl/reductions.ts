// Sums and largest numbers over the lanes of a workgroup, in a fixed order; every lane must call them, and gets the result.
// In two steps, the square root of the lanes each: trees of barriers take longer, most of all where a CPU plays the GPU.

/** Lanes whose values one lane brings together. */
const step = (lanes: number) => 2 ** Math.ceil(Math.log2(lanes) / 2);

/** `total(value, lane)` for workgroups of so many lanes, a power of two. */
export const total = (lanes: number): string => reduction('total', lanes, 'a + b');

/** `largest(value, lane)`, which passes over what is not a number. */
export const largest = (lanes: number): string => reduction('largest', lanes, 'select(a, b, b > a)');

function reduction(name: string, lanes: number, both: string): string {
  const each = step(lanes);
  return /* wgsl */ `
var<workgroup> ${name}_values: array<f32, ${lanes}>;
var<workgroup> ${name}_parts: array<f32, ${lanes / each}>;
fn ${name}_of_both(a: f32, b: f32) -> f32 { return ${both}; }
fn ${name}(value: f32, lane: u32) -> f32 {
  ${name}_values[lane] = value;
  workgroupBarrier();
  if (lane < ${lanes / each}) {
    var part = ${name}_values[lane * ${each}];
    for (var i = 1u; i < ${each}; i++) { part = ${name}_of_both(part, ${name}_values[lane * ${each} + i]); }
    ${name}_parts[lane] = part;
  }
  workgroupBarrier();
  var all = ${name}_parts[0];
  for (var i = 1u; i < ${lanes / each}; i++) { all = ${name}_of_both(all, ${name}_parts[i]); }
  workgroupBarrier();
  return all;
}`;
}

/** \`prefix(value, lane)\`: the sum of the values of the lanes before this one (x) and of all lanes (y). */
export function prefix(lanes: number): string {
  const each = step(lanes);
  return /* wgsl */ `
var<workgroup> prefix_values: array<u32, ${lanes}>;
var<workgroup> prefix_parts: array<u32, ${lanes / each}>;
fn prefix(value: u32, lane: u32) -> vec2u {
  prefix_values[lane] = value;
  workgroupBarrier();
  if (lane < ${lanes / each}) {
    var part = 0u;
    for (var i = 0u; i < ${each}; i++) { part += prefix_values[lane * ${each} + i]; }
    prefix_parts[lane] = part;
  }
  workgroupBarrier();
  var before = 0u;
  var all = 0u;
  for (var i = 0u; i < ${lanes / each}; i++) {
    if (i == lane / ${each}) { before = all; }
    all += prefix_parts[i];
  }
  for (var i = lane - lane % ${each}; i < lane; i++) { before += prefix_values[i]; }
  workgroupBarrier();
  return vec2u(before, all);
}`;
}
