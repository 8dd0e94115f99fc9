// windrow bench: src/bench/run-bench.ts on Dawn; with --serve the line protocol of peers, with --null the host's work alone.
import { createInterface } from 'node:readline';
import { countCalls } from '../../bench/count-calls.ts';
import { type Run, checkRepeats, runOnce } from '../../bench/generation.ts';
import { benchPrompt } from '../../bench/prompt.ts';
import { checkFormat, contextFor, runBench } from '../../bench/run-bench.ts';
import { reportText } from '../../bench/report-text.ts';
import { type Engine, type EngineOptions } from '../../engine/engine.ts';
import { openModel } from '../../engine/load/opened.ts';
import { describeChoice } from '../../engine/measure/tune/choice-text.ts';
import { openWithParts } from '../../gguf/files.ts';
import { createNodeEngine, dawn } from '../../node.ts';
import { openFileSource } from '../../weights/source/file-source.ts';
import { type ModelFlags, deviceOptions, loadOptions } from '../options.ts';
import { type Result } from '../result.ts';

export interface BenchFlags extends ModelFlags {
  promptTokens: number;
  newTokens: number;
  contexts?: number[];
  quick?: boolean;
  oneSubmit?: boolean;
  serve?: boolean;
  null?: boolean;
  experimental?: boolean;
}

export async function bench(path: string, flags: BenchFlags): Promise<Result> {
  if (!flags.serve && !flags.null) checkFormat(flags.kv);
  const dawnFlags = flags.null ? ['backend=null'] : [];
  dawn(dawnFlags); // puts the WebGPU classes in place
  const calls = countCalls();
  const engine = await createNodeEngine({ dawnFlags, deviceOptions: deviceOptions(flags) });
  const source = await openFileSource(path);
  const most = (await openModel((await openWithParts(source)).header)).graph.config.context;
  const context = flags.context ?? contextFor({ ...flags, quick: flags.quick || flags.serve || flags.null }, most);
  const asked = await loadOptions(flags.oneSubmit ? { ...flags, tokensPerSubmit: 1 } : flags);
  const load = (more: EngineOptions) => engine.load(source, { ...asked, context, ...more });
  try {
    if (flags.serve) return await serve(engine, load, path, flags);
    if (flags.null) return await onNull(engine, load, flags, calls);
    const toggles = flags.experimental ? 'what browsers have behind a flag' : 'the toggles that a browser has by default (no flags)';
    const name = `Node ${process.versions.node}, Dawn with ${toggles}`;
    const report = await runBench(engine, load, flags, { calls, cpuMs, name, onProgress: (line) => console.error(line) });
    return { json: report, text: reportText(report) };
  } finally {
    await source.close();
  }
}

const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** On the null backend nothing is computed, so all of the time is the host's, and the tokens say nothing. */
async function onNull(
  engine: Engine,
  load: (more: EngineOptions) => Promise<unknown>,
  { promptTokens, newTokens }: BenchFlags,
  calls: ReturnType<typeof countCalls>,
): Promise<Result> {
  await load({});
  const loaded = engine.loaded();
  const prompt = benchPrompt(promptTokens, loaded);
  await runOnce(loaded, prompt, newTokens);
  const { decodeMs, hostMs, perToken, cpuDecode } = await runOnce(loaded, prompt, newTokens, { calls, cpuMs });
  const json = {
    adapter: loaded.model.gpu.adapterName,
    promptTokens,
    newTokens,
    perToken,
    hostMsPerToken: decodeMs / newTokens,
    encodeMsPerToken: hostMs / newTokens,
    cpuMsPerToken: cpuDecode,
  };
  return {
    json,
    text: [
      `adapter   ${json.adapter}, the null backend: nothing is computed`,
      `per token ${Object.entries(perToken!)
        .map(([name, count]) => `${count} ${name}`)
        .join(', ')}`,
      `host      ${json.hostMsPerToken.toFixed(3)} ms per token in all, ${json.encodeMsPerToken.toFixed(3)} of them encoding and submitting`,
    ].join('\n'),
  };
}

/** The line protocol of peers: {"ready":...}, then one JSON line per line on standard input. */
async function serve(engine: Engine, load: (more: EngineOptions) => Promise<unknown>, path: string, { promptTokens, newTokens }: BenchFlags): Promise<Result> {
  const started = performance.now();
  await load({});
  const loadMs = performance.now() - started;
  const loaded = engine.loaded();
  const prompt = benchPrompt(promptTokens, loaded);
  const { model, text } = loaded;
  const { computes } = model.gpu; // the null backend's tokens say nothing
  const first = await runOnce(loaded, prompt, newTokens); // compiles and warms up
  console.log(
    JSON.stringify({
      ready: {
        engine: 'windrow',
        model: path,
        adapter: model.gpu.adapterName,
        loadMs,
        kernels: describeChoice(model.choice),
        verdict: model.plan.verdict,
        streamedBytes: model.plan.streamedBytes,
      },
    }),
  );
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'end') break;
    const run = await runOnce(loaded, prompt, newTokens, { cpuMs });
    if (computes) checkRepeats(run.ids, first.ids);
    console.log(JSON.stringify(answerOf(run, promptTokens, newTokens, text && computes ? text.tokenizer.decode(run.ids) : run.ids.join())));
  }
  return { json: { ended: true }, text: 'ended' };
}

function answerOf({ prefillMs, decodeMs, cpuPrefill, cpuDecode }: Run, promptN: number, steps: number, text: string) {
  const round = (value: number) => Math.round(value * 100) / 100;
  return {
    prefill: round((promptN / prefillMs) * 1000), decode: round((steps / decodeMs) * 1000), cpuPrefill: round(cpuPrefill), cpuDecode: round(cpuDecode),
    promptN, prefillMs: round(prefillMs), steps, decodeMs: round(decodeMs), text,
  };
}
