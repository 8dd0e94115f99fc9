// Host time per decoded token: engines on Dawn's null backend, which takes every call and computes nothing. Interleaved
// rounds, the best of each, the calls per token and windrow's share of the best peer.
//
//   node bench/peers/host-time.mjs MODEL.gguf --rounds 5 --prompt-tokens 64 --new-tokens 32
import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startEngine } from './engine-process.mjs';
import { engines, node, windrow } from './engines.mjs';
import { makePrompt } from './prompt.mjs';

const { values, positionals: [model] } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    'prompt-tokens': { type: 'string', default: '64' },
    'new-tokens': { type: 'string', default: '32' },
    engines: { type: 'string', default: 'windrow,llama-webgpu' },
    onnx: { type: 'string', default: join(import.meta.dirname, 'onnx/model') },
    json: { type: 'boolean', default: false },
  },
});
if (!model) {
  console.error('Name a model: node bench/peers/host-time.mjs MODEL.gguf');
  process.exit(1);
}
const prompt = makePrompt(model, Number(values['prompt-tokens']));
const settings = { model: resolve(model), onnx: resolve(values.onnx), ...prompt, newTokens: Number(values['new-tokens']), dawnFlags: ['backend=null'] };
const names = values.engines.split(',');

const started = [];
for (const name of names) started.push(await startEngine(name, engines[name].start(settings)));
for (let round = 0; round < Number(values.rounds); round++) for (const engine of started) await engine.run();
await Promise.all(started.map((engine) => engine.end()));

const rows = [];
for (const { name, rounds } of started) {
  const ms = Math.min(...rounds.map(({ decodeMs, steps }) => decodeMs / steps));
  rows.push({ name, ms, cpuMs: Math.min(...rounds.map(({ cpuDecode }) => cpuDecode)), calls: await callsPerToken(name) });
}

/** In a run of its own: counting costs time. */
async function callsPerToken(name) {
  if (name === 'windrow') {
    const args = [windrow, '--json', 'bench', model, '--null', '--prompt-tokens', values['prompt-tokens'], '--new-tokens', values['new-tokens']];
    return JSON.parse(execFileSync(node, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })).perToken;
  }
  const engine = await startEngine(name, engines[name].start({ ...settings, newTokens: 8, count: true }));
  const { calls } = await engine.run();
  await engine.end();
  return calls;
}

const ours = rows.find(({ name }) => name === 'windrow');
const best = rows.filter((row) => row !== ours).sort((a, b) => a.ms - b.ms)[0];
const ratio = ours && best && ours.ms / best.ms;
if (values.json) console.log(JSON.stringify({ rows, ratio }));
else {
  for (const { name, ms, cpuMs, calls } of rows) {
    const list = Object.entries(calls).map(([call, count]) => `${count} ${call}`).join(', ');
    console.log(`${name}: ${ms.toFixed(3)} ms per token, ${cpuMs.toFixed(3)} ms of CPU time; ${list}`);
  }
  if (ratio) console.log(`windrow takes ${(100 * ratio).toFixed(1)} % of the host time of ${best.name} (1/${(1 / ratio).toFixed(1)})`);
}
