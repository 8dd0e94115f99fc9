// Compares windrow with other engines on one device: interleaved rounds, the best of each, ratios; outputs are checked, and
// llama.cpp's texts have to begin as windrow's do.
//
//   node bench/peers/compare.mjs MODEL.gguf --rounds 3 --prompt-tokens 64,256 --new-tokens 32 --engines windrow,llama-webgpu,wasm
//
// --budget 14GiB is windrow's GPU budget; --same-text N how many characters have to be llama.cpp's, 0 for models that say nothing.
// The driver's environment (as VK_ICD_FILENAMES) goes to all engines. VERBOSE=1 shows what they print.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startEngine } from './engine-process.mjs';
import { engineNamed, engines, root } from './engines.mjs';
import { makePrompt } from './prompt.mjs';
import { summarise, tables } from './report.mjs';

/** Flash attention is slower there, so it need not be tried. */
const onSoftware = /lvp|swiftshader/.test(process.env.VK_ICD_FILENAMES ?? '');

const { values, positionals: [model] } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    'prompt-tokens': { type: 'string', default: '64,256' },
    'new-tokens': { type: 'string', default: '32' },
    engines: { type: 'string', default: `windrow,llama-webgpu,llama-vulkan${onSoftware ? '' : ',llama-vulkan-flash'},ort-webgpu,llama-cpu,wasm` },
    budget: { type: 'string' },
    'same-text': { type: 'string', default: '32' },
    threads: { type: 'string', default: `${os.availableParallelism()}` },
    onnx: { type: 'string', default: join(import.meta.dirname, 'onnx/model') },
    json: { type: 'string' },
  },
});
const names = values.engines.split(',');
const unknown = names.filter((name) => !engineNamed(name));
if (!model || unknown.length) {
  console.error(
    unknown.length
      ? `There is no engine ${unknown.join()}; there are ${Object.keys(engines).join()}.`
      : 'Name a model: node bench/peers/compare.mjs MODEL.gguf',
  );
  process.exit(1);
}

const lengths = values['prompt-tokens'].split(',').map(Number);
const newTokens = Number(values['new-tokens']);
const results = [];
for (const promptTokens of lengths) {
  const settings = {
    model: resolve(model),
    onnx: resolve(values.onnx),
    ...makePrompt(model, promptTokens),
    newTokens,
    threads: Number(values.threads),
    budget: values.budget,
  };
  const started = [];
  try {
    for (const name of names) { // one after the other: loading needs all cores
      started.push(await startEngine(name, engineNamed(name).start(settings)));
      console.log(name, JSON.stringify(started.at(-1).about));
    }
    for (let round = 1; round <= Number(values.rounds); round++) {
      for (const engine of started) {
        const { prefill, decode, cpuPrefill, cpuDecode } = await engine.run();
        console.log(`round ${round} ${engine.name}: prefill ${prefill}, decode ${decode} tokens/s; CPU ms per token ${cpuPrefill}, ${cpuDecode}`);
      }
    }
  } finally {
    await Promise.all(started.map((engine) => engine.end()));
  }
  results.push(summarise(started, promptTokens, newTokens, Number(values['same-text'])));
  console.log(`\n${tables(results.at(-1))}\n`);
}

const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
if (values.json) {
  writeFileSync(
    values.json,
    JSON.stringify(
      { date: new Date().toISOString(), commit: git('rev-parse', '--short', 'HEAD'), model, cpus: os.cpus().map((cpu) => cpu.model), results },
      null,
      1,
    ),
  );
}
if (results.some(({ wrong }) => wrong.length)) process.exitCode = 1;
