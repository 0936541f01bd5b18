// A kernel: its operands, its parameters and its WGSL, from which the whole shader is written. Every buffer is an array of
// 32-bit words and operands are read and written through functions: `get_NAME(i)` and `set_NAME(i, value)`, for f32 also
// `raw_NAME` and `put_NAME` with the bits (bf16 has `put_NAME`; two that share a word are one lane's to write). So two operands that lie in one buffer become one binding, which WebGPU demands
// where one of them is written, and no kernel has to know; and bits pass through unchanged where nothing is computed.

import { float32 } from './wgsl/float32.js';
import { float64 } from './wgsl/float64.js';
import { functions } from './wgsl/functions.js';

/** What lies in an operand. x4: four at a time, from a multiple of four on. */
export type Element = 'f32' | 'u32' | 'i32' | 'f64' | 'bf16' | 'f16' | 'i8' | 'f32x4' | 'bf16x4' | 'f16x4' | 'i8x4';

export interface KernelOperand {
  name: string;
  type: Element;
  /** Whether the kernel writes it. */
  writes?: boolean;
}

const libraries = { float32, float64, functions };

export interface Kernel {
  /** Unique among all kernels. */
  name: string;
  operands: readonly KernelOperand[];
  /** Names of the parameters, p.NAME; those that begin with f_ are f32, the others u32. */
  params: readonly string[];
  /** Invocations of a workgroup. */
  lanes: number;
  /** Shared functions that the code calls. */
  uses?: readonly (keyof typeof libraries)[];
  /** Declarations, and `fn run(group: u32, lane: u32)`: workgroup number `group` of p.groups. */
  code: string;
}

/** Where an operand is bound. */
export interface Slot {
  /** Number of its binding among those of the call. */
  index: number;
}

/** Bytes of the parameters of one call. */
export const PARAM_BYTES = 256;

/** The words of a buffer, and what there is of an operand for each of its elements. */
const word = (type: Element) => (type === 'f32x4' ? 'vec4u' : type === 'bf16x4' || type === 'f16x4' ? 'vec2u' : 'u32');

/** The type of the binding of each slot; undefined where the operands in it do not agree. */
export function slotTypes(kernel: Kernel, slots: readonly Slot[]): string[] | undefined {
  const types: string[] = [];
  for (const [i, operand] of kernel.operands.entries()) {
    const { index } = slots[i];
    types[index] ??= word(operand.type);
    if (types[index] !== word(operand.type)) return undefined;
  }
  return types;
}

/** The shader of a kernel whose operands lie in these slots. */
export function shaderOf(kernel: Kernel, slots: readonly Slot[], access: readonly ('read' | 'read_write')[]): string {
  const types = slotTypes(kernel, slots) as string[];
  const params = [...kernel.operands.map(({ name }) => `o_${name}`), ...kernel.params, 'groups'];
  if (params.length * 4 > PARAM_BYTES) throw new Error(`too many parameters in ${kernel.name}`);
  return [
    `struct Params { ${params.map((name) => `${name}: ${name.startsWith('f_') ? 'f32' : 'u32'}`).join(', ')} }`,
    '@group(0) @binding(0) var<uniform> p: Params;',
    ...types.map((type, i) => `@group(0) @binding(${i + 1}) var<storage, ${access[i]}> s${i}: array<${type}>;`),
    ...kernel.operands.map((operand, i) => accessors(operand, `s${slots[i].index}`)),
    ...librariesOf(kernel).map((name) => libraries[name]),
    kernel.code,
    `@compute @workgroup_size(${kernel.lanes})
fn main(@builtin(workgroup_id) at: vec3u, @builtin(num_workgroups) all: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = at.x + at.y * all.x;
  if (group < p.groups) { run(group, lane); }
}`,
  ].join('\n');
}

const known = new Map<string, Kernel>();

/** The kernel of that name, made when first asked for. */
export function kernelOf(name: string, make: () => Omit<Kernel, 'name'>): Kernel {
  const kernel = known.get(name) ?? { name, ...make() };
  known.set(name, kernel);
  return kernel;
}

/** What a kernel uses, and what that uses. */
function librariesOf({ uses = [] }: Kernel): (keyof typeof libraries)[] {
  return uses.includes('float64') && !uses.includes('float32') ? ['float32', ...uses] : [...uses];
}

function accessors({ name, type, writes }: KernelOperand, slot: string): string {
  const at = `p.o_${name} + i`;
  if (type === 'f64')
    return `fn get_${name}(i: u32) -> vec2u { let at = p.o_${name} + 2 * i; return vec2u(${slot}[at], ${slot}[at + 1]); }
${writes ? `fn set_${name}(i: u32, value: vec2u) { let at = p.o_${name} + 2 * i; ${slot}[at] = value.x; ${slot}[at + 1] = value.y; }` : ''}`;
  if (type === 'bf16')
    return `fn get_${name}(i: u32) -> f32 { let at = ${at}; return bitcast<f32>((${slot}[at >> 1] << (16 * (1 - (at & 1)))) & 0xffff0000u); }
${
  writes
    ? `fn put_${name}(i: u32, bits: u32) {
  let at = ${at};
  let shift = 16 * (at & 1);
  ${slot}[at >> 1] = (${slot}[at >> 1] & (0xffff0000u >> shift)) | (bits << shift);
}`
    : ''
}`;
  if (type === 'f16')
    return `${wideF16(name)}
fn get_${name}(i: u32) -> f32 { let at = ${at}; return wide_${name}((${slot}[at >> 1] >> (16 * (at & 1))) & 0xffffu); }`;
  if (type === 'i8')
    return `fn get_${name}(i: u32) -> f32 { let at = ${at}; return f32(bitcast<i32>(${slot}[at >> 2] << (24 - 8 * (at & 3))) >> 24); }`;
  if (type === 'i8x4')
    return `fn get_${name}(i: u32) -> vec4f {
  let w = ${slot}[${at}];
  return vec4f(vec4i(bitcast<vec4i>(vec4u(w << 24, w << 16, w << 8, w))) >> vec4u(24));
}`;
  if (type === 'f32x4')
    return `fn get_${name}(i: u32) -> vec4f { return bitcast<vec4f>(${slot}[${at}]); }
${writes ? `fn set_${name}(i: u32, value: vec4f) { ${slot}[${at}] = bitcast<vec4u>(value); }` : ''}`;
  if (type === 'bf16x4')
    return `fn get_${name}(i: u32) -> vec4f {
  let w = ${slot}[${at}];
  return bitcast<vec4f>(vec4u(w.x << 16, w.x & 0xffff0000u, w.y << 16, w.y & 0xffff0000u));
}`;
  if (type === 'f16x4')
    return `${wideF16(name)}
fn get_${name}(i: u32) -> vec4f {
  let w = ${slot}[${at}];
  return vec4f(wide_${name}(w.x & 0xffffu), wide_${name}(w.x >> 16), wide_${name}(w.y & 0xffffu), wide_${name}(w.y >> 16));
}`;
  const [from, to] = type === 'u32' ? ['', ''] : [`bitcast<${type}>`, 'bitcast<u32>'];
  return `fn get_${name}(i: u32) -> ${type} { return ${from}(${slot}[${at}]); }
fn raw_${name}(i: u32) -> u32 { return ${slot}[${at}]; }
${
  writes
    ? `fn set_${name}(i: u32, value: ${type}) { ${slot}[${at}] = ${to}(value); }
fn put_${name}(i: u32, bits: u32) { ${slot}[${at}] = bits; }`
    : ''
}`;
}

/** The number for a pattern of 1024 times it, exactly and without subnormal numbers, which a GPU may take for 0. */
const wideF16 = (name: string) => `fn wide_${name}(h: u32) -> f32 {
  let size = h & 0x7fffu;
  let bits = select((size << 13) + (102u << 23), bitcast<u32>(f32(size) * 0x1p-34), size < 0x400u);
  return bitcast<f32>(bits | ((h & 0x8000u) << 16));
}`;
