// Engine: llama.cpp as @wllama/wllama ships it (Emscripten, Memory64, JSPI), its WebGPU backend on Dawn or its wasm on the CPU.
import { openAsBlob } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { perStep } from './count-calls.mjs';
import { cpuMs, measured, serve, settings } from './protocol.mjs';
import { installBrowser, workerCalls } from './wllama-worker.mjs';

const { model, ids, text: prompt, newTokens, threads = 2, gpu, count } = settings;

installBrowser();
const { Wllama } = await import('@wllama/wllama/esm/index.js');

const facts = {}; // from llama.cpp's log: they prove where the layers are
const wanted = { adapter: /adapter_info: (.*)/, offloaded: /offloaded (\d+\/\d+) layers/, graph: /graph: (nodes.*?),? input/ };
const log = (...words) => {
  const line = words.join(' ');
  if (process.env.VERBOSE) console.error(line.slice(0, 400));
  for (const [name, pattern] of Object.entries(wanted)) facts[name] ??= pattern.exec(line)?.[1];
};
const logger = { debug: log, log, warn: log, error: (...words) => console.error(...words) };
const wasm = fileURLToPath(import.meta.resolve('@wllama/wllama/esm/wasm/wllama.wasm'));
const wllama = new Wllama({ default: wasm }, { cacheManager: {}, modelManager: {}, logger });
await wllama.loadModel([await openAsBlob(model)], { n_gpu_layers: gpu ? 999 : 0, n_threads: gpu ? 1 : threads, n_ctx: 1024, n_batch: 512, n_parallel: 1 });

async function complete(tokens) {
  let text = '';
  let timings;
  let first;
  const begun = cpuMs();
  await wllama.createCompletion({
    prompt, max_tokens: tokens, temperature: 0, ignore_eos: true, cache_prompt: false, stream: true,
    onData(chunk) {
      first ??= cpuMs();
      text += chunk.choices?.[0]?.text ?? '';
      timings = chunk.timings ?? timings;
    },
  });
  return { text, timings, cpu: [begun, first, cpuMs()] };
}

/** Calls of a prefill, to be taken off those of a whole answer. */
async function callsOfPrefill() {
  const before = await workerCalls();
  await complete(1);
  return [before, await workerCalls()];
}

const { timings } = await complete(4); // compiles and warms up
if (timings.prompt_n !== ids.length) throw new Error(`llama.cpp ran ${timings.prompt_n} prompt tokens; ${ids.length} are needed.`);
const prefill = count && (await callsOfPrefill());

await serve(
  { engine: gpu ? 'llama.cpp WebGPU (wllama)' : 'llama.cpp wasm (wllama)', version: Wllama.getLibllamaVersion(), threads: wllama.getNumThreads(), ...facts },
  async () => {
    const before = count && (await workerCalls());
    const {
      text,
      timings: { prompt_ms: promptMs, predicted_ms: predictedMs, predicted_n: predicted },
      cpu,
    } = await complete(newTokens + 1);
    const calls = count && difference(prefill, [before, await workerCalls()], newTokens);
    return measured(ids.length, predicted - 1, [0, promptMs, promptMs + predictedMs], cpu, { text, ...(calls && { calls }) });
  },
);

function difference([a, b], [c, d], steps) {
  const less = Object.fromEntries(Object.keys(a).map((name) => [name, c[name] + b[name] - a[name]]));
  return perStep(less, d, steps);
}
