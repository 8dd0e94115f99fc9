// windrow bench: prefill and decode speed, and what a decoded token costs in calls. The text is checked to repeat.
import { createInterface } from 'node:readline';
import { measurePeak } from '../../bench/peak.ts';
import { benchPrompt } from '../../bench/prompt.ts';
import { describeShapes } from '../engine/shapes.ts';
import { dawn } from '../node.ts';
import { countCalls } from '../../bench/count-calls.ts';
import { type Result } from './result.ts';
import { type ModelFlags, openEngine } from './options.ts';

interface Flags extends ModelFlags {
  promptTokens: number;
  newTokens: number;
  serve?: boolean;
  null?: boolean;
}

export async function bench(path: string, flags: Flags): Promise<Result> {
  const { promptTokens, newTokens } = flags;
  const dawnFlags = flags.null ? ['backend=null'] : [];
  dawn(dawnFlags); // puts the WebGPU classes in place
  const calls = countCalls();
  const started = performance.now();
  const engine = await openEngine(path, { ...flags, context: flags.context ?? Math.max(512, promptTokens + newTokens + 1) }, { dawnFlags });
  const loadMs = performance.now() - started;
  const { runner, model, text, info } = engine.loaded();
  const prompt = benchPrompt(promptTokens, engine.loaded());
  const greedy = model.sampler.choose({ seed: 0 });

  async function run() {
    const cpu = [cpuMs()];
    const t0 = performance.now();
    await runner.feed(prompt, 0);
    const tokens = runner.tokens(greedy, prompt.length, newTokens + 1);
    const ids = [...(await tokens.next()).value!];
    const t1 = performance.now();
    cpu.push(cpuMs());
    calls.reset();
    const hostBefore = runner.hostMs;
    for await (const more of tokens) ids.push(...more);
    const t2 = performance.now();
    cpu.push(cpuMs());
    const total = calls.read();
    return {
      ids, hostMs: runner.hostMs - hostBefore,
      prefillMs: t1 - t0, decodeMs: t2 - t1,
      cpuPrefill: (cpu[1] - cpu[0]) / prompt.length, cpuDecode: (cpu[2] - cpu[1]) / newTokens,
      perToken: Object.fromEntries(Object.entries(total).map(([name, count]) => [name, count / newTokens])),
    };
  }

  const first = await run(); // compiles and warms up
  const check = (ids: number[]) => {
    if (!flags.null && ids.join() !== first.ids.join()) throw new Error(`Two runs gave different tokens: ${first.ids.join()} and then ${ids.join()}.`);
  };
  if (flags.serve) return serve(run, check, { engine: 'windrow', model: path, adapter: model.gpu.adapterName, loadMs, variants: model.options.shapes }, prompt.length, newTokens, (ids) => text?.tokenizer.decode(ids) ?? ids.join());
  const second = await run();
  check(second.ids);
  const peak = flags.null ? undefined : await measurePeak(model.gpu.device);
  const flopsPerToken = 2 * info.parameters;
  const share = (seconds: number, tokens: number) =>
    peak && {
      bytesPerSecond: (model.layout.byteLength * tokens) / seconds, ofCopy: (model.layout.byteLength * tokens) / seconds / peak.copyBytesPerSecond,
      flopsPerSecond: (flopsPerToken * tokens) / seconds, ofFma: (flopsPerToken * tokens) / seconds / peak.flopsPerSecond,
    };
  const decode = share(second.decodeMs / 1000, newTokens);
  const prefill = share(second.prefillMs / 1000, prompt.length);
  const json = {
    peak, decode, prefill: prefill && { flopsPerSecond: prefill.flopsPerSecond, ofFma: prefill.ofFma },
    adapter: model.gpu.adapterName, shapes: model.options.shapes, promptTokens: prompt.length, newTokens,
    prefillTokensPerSecond: (prompt.length / second.prefillMs) * 1000, decodeTokensPerSecond: (newTokens / second.decodeMs) * 1000,
    decodeMsPerToken: second.decodeMs / newTokens, perToken: second.perToken,
    hostMsPerToken: (flags.null ? second.decodeMs : second.hostMs) / newTokens, cpuMsPerToken: second.cpuDecode,
    gpuBytesPeak: model.ledger.peakBytes, loadMs, tokens: second.ids,
  };
  const lines = [
    `adapter   ${json.adapter}`,
    `shapes    ${Object.entries(describeShapes(json.shapes)).map(([name, value]) => (value.includes('=') ? `; ${name}: ${value}` : `${name}=${value}`)).join(' ')}`,
    `prefill   ${json.prefillTokensPerSecond.toFixed(2)} tokens/s (${json.promptTokens} tokens)`,
    `decode    ${json.decodeTokensPerSecond.toFixed(2)} tokens/s (${newTokens} tokens)`,
    ...(peak && decode && prefill
      ? [
          `device    copies ${giga(peak.copyBytesPerSecond)} GB/s, multiply-adds ${giga(peak.flopsPerSecond)} GFLOP/s`,
          `decode    reads ${giga(decode.bytesPerSecond)} GB/s (${percent(decode.ofCopy)} of copying), computes ${giga(decode.flopsPerSecond)} GFLOP/s (${percent(decode.ofFma)} of multiply-adds)`,
          `prefill   computes ${giga(prefill.flopsPerSecond)} GFLOP/s (${percent(prefill.ofFma)} of multiply-adds)`,
        ]
      : []),
    `per token ${Object.entries(json.perToken).map(([name, count]) => `${count} ${name}`).join(', ')}`,
    `host      ${json.hostMsPerToken.toFixed(3)} ms per token${flags.null ? ' (all of it: nothing is computed)' : ' (encoding and submitting)'}`,
    `GPU peak  ${(json.gpuBytesPeak / 2 ** 20).toFixed(1)} MiB`,
    `load      ${loadMs.toFixed(0)} ms`,
  ];
  return { json, text: lines.join('\n') };
}

const giga = (value: number) => (value / 1e9).toFixed(2);
const percent = (value: number) => `${(100 * value).toFixed(1)} %`;

const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** The line protocol of peers: {"ready":...}, then one JSON line per line on standard input. */
async function serve(run: () => Promise<{ ids: number[]; prefillMs: number; decodeMs: number; cpuPrefill: number; cpuDecode: number }>, check: (ids: number[]) => void, about: object, promptN: number, steps: number, decode: (ids: number[]) => string): Promise<Result> {
  const round = (value: number) => Math.round(value * 100) / 100;
  console.log(JSON.stringify({ ready: about }));
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'end') break;
    const { ids, prefillMs, decodeMs, cpuPrefill, cpuDecode } = await run();
    check(ids);
    console.log(JSON.stringify({
      prefill: round((promptN / prefillMs) * 1000), decode: round((steps / decodeMs) * 1000), cpuPrefill: round(cpuPrefill), cpuDecode: round(cpuDecode),
      promptN, prefillMs: round(prefillMs), steps, decodeMs: round(decodeMs), text: decode(ids),
    }));
  }
  return { json: { ended: true }, text: 'ended' };
}
