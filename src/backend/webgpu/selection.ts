// Which entries of a matrix go, by their scores. Scores are bits of f32 ≥ 0, which order as their numbers do; a selection
// writes 1 in their place for what goes and 0 for what stays. The k-th smallest is found by counting, a byte at a time from
// the highest on; of equal ones, a running count in the order of the columns (and rows) says which go.

import { rowsOf, type Tensor } from '../../tensor/tensor.js';
import type { Selection } from '../backend.js';
import { fillPattern } from './fill.js';
import type { Gpu } from './gpu.js';
import type { Kernel } from './kernel.js';
import { prefix } from './wgsl/reductions.js';

const LANES = 256;
/** More than there are equal scores. */
const ALL = 0xffffffff;

/** Scores of a row become flags: what is below the threshold goes, and equal ones number `begin` … `end` − 1. */
const flags = /* wgsl */ `
${prefix(LANES)}
/** Equal scores in the columns of a lane. */
fn equal_of(row: u32, lane: u32, threshold: u32) -> u32 {
  let length = (p.columns + ${LANES - 1}) / ${LANES};
  var equal = 0u;
  for (var c = lane * length; c < min((lane + 1) * length, p.columns); c++) { equal += u32(raw_s(row + c) == threshold); }
  return equal;
}
/** \`first\`: the number of the first equal score in the columns of this lane. */
fn flag(row: u32, lane: u32, threshold: u32, first: u32, begin: u32, end: u32) {
  let length = (p.columns + ${LANES - 1}) / ${LANES};
  var number = first;
  for (var c = lane * length; c < min((lane + 1) * length, p.columns); c++) {
    let score = raw_s(row + c);
    var gone = score < threshold;
    if (score == threshold) {
      gone = number >= begin && number < end;
      number += 1;
    }
    put_s(row + c, u32(gone));
  }
}`;

const rowsKernel: Kernel = {
  name: 'select in rows',
  operands: [
    { name: 's', type: 'u32', writes: true },
    { name: 'keep', type: 'i32' },
  ],
  params: ['columns', 'prune', 'kept', 'keepLower'],
  lanes: LANES,
  code: /* wgsl */ `
${flags}
var<workgroup> counts: array<atomic<u32>, 256>;
/** The rank that is sought among scores that begin with these bits, the bits, and how many scores those are. */
var<workgroup> found: vec3u;
fn run(group: u32, lane: u32) {
  let row = group * p.columns;
  var prune = p.prune;
  if (p.kept == 1) { prune = p.columns - min(u32(max(get_keep(group), 0)), p.columns); }
  if (lane == 0) { found = vec3u(max(prune, 1) - 1, 0, 0); }
  for (var step = 0u; step < 4; step++) {
    let shift = 24 - 8 * step;
    atomicStore(&counts[lane], 0);
    workgroupBarrier();
    let rank = found.x;
    let bits = found.y;
    let above = select(0xffffffffu << ((shift + 8) & 31), 0u, step == 0);
    for (var c = lane; c < p.columns; c += ${LANES}) {
      let score = raw_s(row + c);
      if ((score & above) == bits) { atomicAdd(&counts[(score >> shift) & 255], 1); }
    }
    workgroupBarrier();
    let count = atomicLoad(&counts[lane]);
    let before = prefix(count, lane).x;
    if (rank >= before && rank < before + count) { found = vec3u(rank - before, bits | (lane << shift), count); }
    workgroupBarrier();
  }
  let go = found.x + 1;
  let threshold = select(found.y, 0u, prune == 0);
  var begin = 0u;
  var end = select(go, 0u, prune == 0);
  if (p.keepLower == 1 && prune > 0) {
    begin = found.z - go;
    end = found.z;
  }
  let first = prefix(equal_of(row, lane, threshold), lane).x;
  flag(row, lane, threshold, first, begin, end);
}`,
};

const groupsKernel: Kernel = {
  name: 'select in groups',
  operands: [{ name: 's', type: 'u32', writes: true }],
  params: ['size', 'n', 'm'],
  lanes: 64,
  code: /* wgsl */ `
fn run(group: u32, lane: u32) {
  let i = group * 64 + lane;
  if (i >= p.size) { return; }
  let at = i * p.m;
  var gone = vec2u(0);
  for (var a = 0u; a < p.m; a++) {
    let score = raw_s(at + a);
    var rank = 0u;
    for (var b = 0u; b < p.m; b++) {
      let other = raw_s(at + b);
      rank += u32(other < score || (other == score && b < a));
    }
    if (rank < p.n) { gone |= select(vec2u(0, 1u << (a & 31)), vec2u(1u << (a & 31), 0), a < 32); }
  }
  for (var a = 0u; a < p.m; a++) { put_s(at + a, (select(gone.y, gone.x, a < 32) >> (a & 31)) & 1); }
}`,
};

// A search through a whole matrix. Its state: the rank that is sought, the bits so far, how many scores begin with them.
// Workgroups count each for itself, and one adds up: no atomics between workgroups, no order that could change.

const STATE = 4;
/** Workgroups that count, at most. */
const COUNTERS = 512;

const countKernel: Kernel = {
  name: 'count scores',
  operands: [
    { name: 's', type: 'u32' },
    { name: 'state', type: 'u32' },
    { name: 'counts', type: 'u32', writes: true },
  ],
  params: ['size', 'shift', 'each'],
  lanes: LANES,
  code: /* wgsl */ `
var<workgroup> counts: array<atomic<u32>, 256>;
fn run(group: u32, lane: u32) {
  atomicStore(&counts[lane], 0);
  workgroupBarrier();
  let bits = get_state(1);
  let above = select(0xffffffffu << ((p.shift + 8) & 31), 0u, p.shift == 24);
  let last = min((group + 1) * p.each, p.size);
  for (var i = group * p.each + lane; i < last; i += ${LANES}) {
    let score = raw_s(i);
    if ((score & above) == bits) { atomicAdd(&counts[(score >> p.shift) & 255], 1); }
  }
  workgroupBarrier();
  set_counts(group * 256 + lane, atomicLoad(&counts[lane]));
}`,
};

const pickKernel: Kernel = {
  name: 'pick a byte',
  operands: [
    { name: 'state', type: 'u32', writes: true },
    { name: 'counts', type: 'u32' },
  ],
  params: ['counters', 'shift'],
  lanes: LANES,
  code: /* wgsl */ `
${prefix(LANES)}
fn run(group: u32, lane: u32) {
  let rank = get_state(0);
  let bits = get_state(1);
  var count = 0u;
  for (var k = 0u; k < p.counters; k++) { count += get_counts(k * 256 + lane); }
  let before = prefix(count, lane).x;
  if (rank >= before && rank < before + count) {
    set_state(0, rank - before);
    set_state(1, bits | (lane << p.shift));
    set_state(2, count);
  }
}`,
};

const equalKernel: Kernel = {
  name: 'count equal scores',
  operands: [
    { name: 's', type: 'u32', writes: true },
    { name: 'state', type: 'u32' },
    { name: 'equal', type: 'u32', writes: true },
  ],
  params: ['columns'],
  lanes: LANES,
  code: /* wgsl */ `
${flags}
fn run(group: u32, lane: u32) {
  let all = prefix(equal_of(group * p.columns, lane, get_state(1)), lane).y;
  if (lane == 0) { set_equal(group, all); }
}`,
};

const sumKernel: Kernel = {
  name: 'sum before',
  operands: [{ name: 'x', type: 'u32', writes: true }],
  params: ['size'],
  lanes: LANES,
  code: /* wgsl */ `
${prefix(LANES)}
fn run(group: u32, lane: u32) {
  let length = (p.size + ${LANES - 1}) / ${LANES};
  let low = min(lane * length, p.size);
  let high = min(low + length, p.size);
  var sum = 0u;
  for (var i = low; i < high; i++) { sum += get_x(i); }
  var before = prefix(sum, lane).x;
  for (var i = low; i < high; i++) {
    let x = get_x(i);
    set_x(i, before);
    before += x;
  }
}`,
};

const cutKernel: Kernel = {
  name: 'select in all',
  operands: [
    { name: 's', type: 'u32', writes: true },
    { name: 'state', type: 'u32' },
    { name: 'equal', type: 'u32' },
  ],
  params: ['columns', 'all'],
  lanes: LANES,
  code: /* wgsl */ `
${flags}
fn run(group: u32, lane: u32) {
  let row = group * p.columns;
  let threshold = get_state(1);
  let first = prefix(equal_of(row, lane, threshold), lane).x + get_equal(group);
  flag(row, lane, threshold, first, 0, select(get_state(0) + 1, ${ALL}u, p.all == 1));
}`,
};

/** Every x becomes the sum of those before it. */
export function sumBefore(gpu: Gpu, x: Tensor<'i32'>): void {
  gpu.run(sumKernel, [x], { size: x.size }, 1);
}

/** Replaces scores[rows, columns] by 1 where the selection removes and 0 where it does not. */
export function select(gpu: Gpu, scores: Tensor<'i32'>, selection: Selection): void {
  const { rowCount: rows, columns } = scores;
  if (selection.kind === 'n:m') {
    const { n, m } = selection;
    for (const [from, to] of gpu.pieces(rows, [scores])) {
      const size = ((to - from) * columns) / m;
      gpu.run(groupsKernel, [rowsOf(scores, rows, from, to)], { size, n, m }, Math.ceil(size / 64));
    }
  } else if (selection.kind === 'row' || selection.kind === 'rows') {
    const keep = selection.kind === 'rows' ? selection.keep.reshape(rows) : null;
    const prune = selection.kind === 'row' ? selection.prune : 0;
    const keepLower = Number(selection.kind === 'rows' && selection.ties === 'keep-lower');
    const params = { columns, prune, kept: Number(keep !== null), keepLower };
    for (const [from, to] of gpu.pieces(rows, [scores]))
      gpu.run(rowsKernel, [rowsOf(scores, rows, from, to), keep?.rows(from, to) ?? null], params, to - from);
  } else if (selection.kind === 'count' && selection.prune === 0) {
    fillPattern(gpu, scores, [0]);
  } else {
    const rank = selection.kind === 'layer' ? selection.rank : selection.prune - 1;
    gpu.withScratch('i32', [STATE], (state) =>
      gpu.withScratch('i32', [rows], (equal) => {
        search(gpu, scores, state, rank);
        const pieces = [...gpu.pieces(rows, [scores])];
        const operands = (from: number, to: number) => [rowsOf(scores, rows, from, to), state, equal.rows(from, to)];
        for (const [from, to] of pieces) gpu.run(equalKernel, operands(from, to), { columns }, to - from);
        sumBefore(gpu, equal);
        const all = Number(selection.kind === 'layer');
        for (const [from, to] of pieces) gpu.run(cutKernel, operands(from, to), { columns, all }, to - from);
      }),
    );
  }
}

/** Leaves in `state` the bits of the score of that rank, and how many equal ones come before it. */
function search(gpu: Gpu, scores: Tensor<'i32'>, state: Tensor<'i32'>, rank: number): void {
  const flat = scores.reshape(scores.size);
  const pieces = [...gpu.pieces(scores.size, [scores])];
  const each = Math.max(4096, Math.ceil(scores.size / COUNTERS));
  const counters = pieces.reduce((sum, [from, to]) => sum + Math.ceil((to - from) / each), 0);
  fillPattern(gpu, state, [0]);
  fillPattern(gpu, state.rows(0, 1), [rank]);
  gpu.withScratch('i32', [counters, 256], (counts) => {
    for (const shift of [24, 16, 8, 0]) {
      let first = 0;
      for (const [from, to] of pieces) {
        const groups = Math.ceil((to - from) / each);
        const operands = [flat.rows(from, to), state, counts.rows(first, first + groups)];
        gpu.run(countKernel, operands, { size: to - from, shift, each }, groups);
        first += groups;
      }
      gpu.run(pickKernel, [state, counts], { counters, shift }, 1);
    }
  });
}
