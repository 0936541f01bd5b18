// What a GPU can do at most, through WebGPU and without this project's kernels: multiply-adds on registers, memory copied,
// memory read. By the clock of the host around many dispatches, and by the GPU's own where it shows it.

const THREADS = 256;

/** Chains of multiply-adds in each thread, and multiply-adds of each chain in a round. */
const [CHAINS, UNROLLED] = [8, 8];

const arithmetic = (rounds) => `
@group(0) @binding(0) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(${THREADS}) fn main(@builtin(global_invocation_id) id: vec3u) {
  let m = vec4f(out[0]); let k = vec4f(out[1]);
  ${Array.from({ length: CHAINS }, (_, c) => `var a${c} = vec4f(f32(id.x + ${c}u));`).join('\n  ')}
  for (var i = 0u; i < ${rounds}u; i++) {
    ${Array.from({ length: CHAINS * UNROLLED }, (_, i) => `a${i % CHAINS} = fma(a${i % CHAINS}, m, k);`).join('\n    ')}
  }
  let sum = ${Array.from({ length: CHAINS }, (_, c) => `a${c}`).join(' + ')};
  out[2u + id.x] = sum.x + sum.y + sum.z + sum.w;
}`;

/** Vectors that each thread copies or reads. */
const [COPIED, READ] = [4, 16];

const copy = `
@group(0) @binding(0) var<storage, read_write> to: array<vec4f>;
@group(0) @binding(1) var<storage, read> source: array<vec4f>;
@compute @workgroup_size(${THREADS}) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) n: vec3u) {
  ${Array.from({ length: COPIED }, (_, i) => `to[id.x + ${i}u * n.x * ${THREADS}u] = source[id.x + ${i}u * n.x * ${THREADS}u];`).join('\n  ')}
}`;

/** Writes nothing, which no compiler can know. */
const read = `
@group(0) @binding(0) var<storage, read_write> to: array<vec4f>;
@group(0) @binding(1) var<storage, read> source: array<vec4f>;
@compute @workgroup_size(${THREADS}) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) n: vec3u) {
  var sum = vec4f(0.0);
  ${Array.from({ length: READ }, (_, i) => `sum += source[id.x + ${i}u * n.x * ${THREADS}u];`).join('\n  ')}
  if (sum.x == 12345.678 && sum.y == 0.125) { to[id.x] = sum; }
}`;

const STORAGE = { STORAGE: 0x80, COPY_DST: 0x8, COPY_SRC: 0x4, MAP_READ: 0x1, QUERY_RESOLVE: 0x200 };

/** A device with a clock, if the adapter has one. */
async function deviceOf(adapter) {
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  return adapter.requestDevice({
    requiredFeatures: adapter.features.has('timestamp-query') ? ['timestamp-query'] : [],
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
  });
}

/** Runs a shader so many times and says how long that took: seconds by the host's clock, and by the GPU's or null. */
function runner(device, code, groups, buffers) {
  const module = device.createShaderModule({ code });
  const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module } });
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const clock = device.features.has('timestamp-query') ? clockOf(device) : null;
  return async (times) => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass(clock ? { timestampWrites: clock.writes } : {});
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    for (let i = 0; i < times; i++) pass.dispatchWorkgroups(groups);
    pass.end();
    clock?.resolve(encoder);
    const started = performance.now();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    const host = (performance.now() - started) / 1000;
    return { host, gpu: clock ? await clock.seconds() : null };
  };
}

function clockOf(device) {
  const querySet = device.createQuerySet({ type: 'timestamp', count: 2 });
  const resolved = device.createBuffer({ size: 16, usage: STORAGE.QUERY_RESOLVE | STORAGE.COPY_SRC });
  const staging = device.createBuffer({ size: 16, usage: STORAGE.MAP_READ | STORAGE.COPY_DST });
  return {
    writes: { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 },
    resolve(encoder) {
      encoder.resolveQuerySet(querySet, 0, 2, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, 16);
    },
    async seconds() {
      await staging.mapAsync(1);
      const [begin, end] = new BigUint64Array(staging.getMappedRange().slice(0));
      staging.unmap();
      return Number(end - begin) / 1e9;
    },
  };
}

/** Rates of one shader: work for each second, in the samples of the two clocks. */
async function rates(run, work, { seconds, runs }) {
  await run(1);
  let times = 1;
  let { host } = await run(times);
  while (host < seconds / 2 && times < 4096) {
    times = Math.min(4096, times * 4);
    ({ host } = await run(times));
  }
  times = Math.max(1, Math.min(4096, Math.ceil((times * seconds) / host)));
  const samples = [];
  for (let i = 0; i < runs; i++) samples.push(await run(times));
  const rate = (s) => (work * times) / s;
  return {
    host: samples.map((s) => rate(s.host)),
    gpu: samples[0].gpu > 0 ? samples.map((s) => rate(s.gpu)) : null,
  };
}

/**
 * Multiply-adds in FLOP/s, copying and reading in bytes/s.
 * @param options groups of 256 threads and rounds of the arithmetic; bytes of memory; seconds of a sample; runs, samples
 */
export async function gpuCeilings(gpu, { groups = 4096, rounds = 512, bytes = 2 ** 29, seconds = 0.25, runs = 3 }) {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  const device = await deviceOf(adapter);
  const buffer = (size) => device.createBuffer({ size, usage: STORAGE.STORAGE | STORAGE.COPY_DST });
  try {
    const out = buffer(4 * (2 + groups * THREADS));
    device.queue.writeBuffer(out, 0, Float32Array.of(0.999, 0.001));
    const flop = 2 * 4 * CHAINS * UNROLLED * rounds * groups * THREADS;
    const options = { seconds, runs };
    const vectors = bytes / 16 / THREADS;
    const [to, from] = [buffer(bytes), buffer(bytes)];
    return {
      arithmetic: await rates(runner(device, arithmetic(rounds), groups, [out]), flop, options),
      copy: await rates(runner(device, copy, vectors / COPIED, [to, from]), 2 * bytes, options),
      read: await rates(runner(device, read, vectors / READ, [to, from]), bytes, options),
    };
  } finally {
    device.destroy();
  }
}
