// @ts-check
// Loads and unloads a model again and again in Node, and prints as JSON what is left after each load: devices that are not
// collected, and threads of the process where /proc tells. A program of its own, as only --expose-gc collects when told to.
//   node --expose-gc test/loads-in-a-row.mjs MODEL LOADS
import { existsSync, readFileSync } from 'node:fs';

// By an address, as types are checked before anything is built.
const { createNodeEngine, openFileSource } = /** @type {typeof import('../src/node.ts')} */ (
  await import(new URL('../dist/node/node.js', import.meta.url).href)
);

const [model, loads] = process.argv.slice(2);
const collect = /** @type {() => void} */ (globalThis.gc);
/** @type {WeakRef<object>[]} */
const devices = [];
const alive = () => devices.filter((device) => device.deref()).length;
const threads = () => (existsSync('/proc/self/status') ? Number(/Threads:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) : 0);

const engine = await createNodeEngine();
/** @type {{ alive: number, threads: number }[]} */
const left = [];
for (let load = 0; load < Number(loads); load++) {
  const file = await openFileSource(model);
  await engine.load(file, { f32: true, kernels: 'splits=1,dot=f32,prefill=rows,few=0,reduce=workgroup,threads=32' });
  devices.push(new WeakRef(engine.loaded().model.gpu.device));
  await engine.generate({ prompt: { text: 'Once' }, maxTokens: 3 }, () => {});
  await engine.unload();
  await file.close();
  // What Dawn has to tell of a device comes in turns of its own; a collection may free what another one then frees.
  for (let turn = 0; turn < 50 && (turn < 3 || alive() > 1); turn++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    collect();
  }
  left.push({ alive: alive(), threads: threads() });
}
console.log(JSON.stringify(left));
process.exit(0);
