// Engine: onnxruntime-web's WebGPU on Dawn under Node. onnx/build.sh makes the model.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { countCalls, perStep } from './count-calls.mjs';
import { installDawn } from './dawn.mjs';
import { answer, createDecoder } from './ort-decoder.mjs';
import { ortModel, ortShape, ortText, ortVersion } from './ort-files.mjs';
import { cpuMs, measured, serve, settings } from './protocol.mjs';

const { ids, newTokens, onnx, count, dawnFlags } = settings;

const { adapter, globals } = await installDawn(dawnFlags);
const calls = count ? countCalls(globals) : {};
const ort = await import('onnxruntime-web/webgpu');
ort.env.wasm.numThreads = 1;
const library = fileURLToPath(import.meta.resolve('onnxruntime-web/webgpu'));
ort.env.wasm.wasmBinary = readFileSync(library.replace(/[^/]*$/, 'ort-wasm-simd-threaded.asyncify.wasm')); // Node does not fetch files
setInterval(() => {}, 5); // keeps Node going while only Dawn has work
const decode = await createDecoder(ort, readFileSync(ortModel(onnx)), ortShape(onnx));
const decodeText = ortText(onnx);

async function run(steps) {
  const [times, cpu, counts] = [[], [], []];
  const made = await answer(decode, ids, steps, () => {
    times.push(performance.now());
    cpu.push(cpuMs());
    counts.push({ ...calls });
  });
  return measured(ids.length, steps, times, cpu, { text: decodeText(made), ...(count && { calls: perStep(counts[1], counts[2], steps) }) });
}

await run(2); // compiles and warms up
await serve({ engine: 'onnxruntime-web WebGPU', version: ortVersion(), adapter }, () => run(newTokens));
