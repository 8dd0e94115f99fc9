// Engine: llama.cpp built natively (node-llama-cpp), on Vulkan or on the CPU.
import { getLlama } from 'node-llama-cpp';
import { cpuMs, measured, serve, settings } from './protocol.mjs';

const { model: modelPath, ids, newTokens, threads = 2, gpu, flash = false } = settings;

const llama = await getLlama({ gpu: gpu ? 'vulkan' : false, build: 'never', logLevel: 'error' });
const model = await llama.loadModel({ modelPath, gpuLayers: gpu ? 'max' : 0 });
// Flash attention is slower on software adapters, and mostly faster on GPUs: an engine for each.
const context = await model.createContext({ contextSize: 1024, batchSize: 512, threads, flashAttention: flash });
const sequence = context.getSequence();

async function run(steps) {
  await sequence.clearHistory();
  const times = [performance.now()];
  const cpu = [cpuMs()];
  const made = [];
  for await (const token of sequence.evaluate(ids, { temperature: 0, yieldEogToken: true })) {
    times[1] ??= performance.now();
    cpu[1] ??= cpuMs();
    made.push(token);
    if (made.length > steps) break;
  }
  return measured(ids.length, made.length - 1, [...times, performance.now()], [...cpu, cpuMs()], { text: model.detokenize(made) });
}

await run(3); // compiles and warms up
await serve(
  {
    engine: `llama.cpp ${llama.gpu || 'CPU'}`,
    version: llama.llamaCppRelease?.release,
    adapter: gpu ? (await llama.getGpuDeviceNames()).join() : undefined,
    gpuLayers: model.gpuLayers,
    threads,
    flashAttention: flash,
  },
  () => run(newTokens),
);
