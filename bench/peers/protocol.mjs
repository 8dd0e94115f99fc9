// The engines' side of the line protocol: {"ready":...} once warm, then a JSON line for each line on standard input.
// Settings come as one JSON argument; see engines.mjs.
import { createInterface } from 'node:readline';

/**
 * What compare.mjs asks for: { model, onnx, ids, text, newTokens, threads, gpu, flash, count, budget, dawnFlags }; `newTokens` are steps after
 * the first token.
 */
export const settings = JSON.parse(process.argv[2] ?? '{}');

export async function serve(about, run, close = async () => {}) {
  console.log(JSON.stringify({ ready: about }));
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'end') break;
    console.log(JSON.stringify(await run()));
  }
  await close();
  process.exit(0); // engines leave timers and threads behind
}

/** CPU time of this process so far, all threads, in ms. */
export const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/**
 * One round: tokens/s and CPU ms per token. `times` and `cpu` are in ms, at the start, at the first token and at the end.
 * The first token comes from the prefill, so it is no step of the decode.
 */
export function measured(promptTokens, steps, times, cpu, more) {
  const [prefillMs, decodeMs] = [times[1] - times[0], times[2] - times[1]];
  return {
    prefill: round((1000 * promptTokens) / prefillMs), decode: round((1000 * steps) / decodeMs),
    cpuPrefill: round((cpu[1] - cpu[0]) / promptTokens), cpuDecode: round((cpu[2] - cpu[1]) / steps),
    promptN: promptTokens, prefillMs: round(prefillMs), steps, decodeMs: round(decodeMs), ...more,
  };
}

const round = (value) => Math.round(100 * value) / 100;
