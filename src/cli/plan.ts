// windrow plan: what a model will take on the GPU and about how fast it will run, from its header and a few measurements.
import { type Host } from '../engine/engine.ts';
import { plannedHeads } from '../engine/heads.ts';
import { keptWith } from '../engine/kept-with-model.ts';
import { forecastExperts } from '../engine/measure/predict/experts-forecast.ts';
import { forecast } from '../engine/measure/predict/forecast.ts';
import { previewDraft } from '../engine/load/preview.ts';
import { openAs, openedWith } from '../engine/load/opened.ts';
import { optionsFor } from '../engine/load/options.ts';
import { keysValuesOf } from '../engine/load/plan/keys-values.ts';
import { planFor } from '../engine/load/plan/planned.ts';
import { defaultRamBytes } from '../engine/load/streaming.ts';
import { checkLimits } from '../engine/load/plan/limits.ts';
import { choiceFor } from '../engine/measure/tune/choice-text.ts';
import { openGpu } from '../gpu/device.ts';
import { openWithParts } from '../gguf/files.ts';
import { dawn, measuredHere, memoryHere, yieldOnSoftware } from '../node.ts';
import { type Parameters, parametersOf } from '../model/parameters.ts';
import { type OnDemandPlan, type Prediction, type StoreCost } from '../protocol.ts';
import { kneeBytes, measureSource, readBytesFor } from '../weights/stream/cost-model.ts';
import { openFileSource } from '../weights/source/file-source.ts';
import { type Result } from './result.ts';
import { type ModelFlags, deviceOptions, loadOptions } from './options.ts';
import { otherWay, wayWords } from './plan-experts.ts';

export async function planModel(path: string, flags: ModelFlags): Promise<Result> {
  const source = await openFileSource(path);
  const stored = await openAs((await openWithParts(source)).header, undefined, { ...flags, adapters: flags.lora });
  const opened = await openedWith(stored, { adapters: flags.lora });
  const host: Host & ReturnType<typeof measuredHere> = { gpu: dawn(), ...measuredHere() };
  await yieldOnSoftware(dawn());
  const gpu = await openGpu(dawn(), deviceOptions(flags));
  const asked = { ...(await loadOptions(flags)), experiment: undefined };
  const alone = await optionsFor(opened, gpu, await plannedHeads(host, opened, asked), choiceFor(gpu, flags), memoryHere());
  const drafting = asked.speculation?.draft;
  const draft = drafting && (await previewDraft(host, gpu, stored, drafting, asked, alone));
  const options = { ...alone, draft: draft?.planned };
  const result = planFor(gpu, opened, options);
  checkLimits(opened, gpu, { ...options, chunk: result.chunk });
  const lines = Object.entries({ ...result.bytes, total: result.totalBytes }).map(([name, bytes]) => line(name, bytes));
  const kept = keysValuesOf(opened, options, result);
  lines.push(`${kept.kv}: ${(kept.bytesPerToken / 1024).toFixed(2)} KiB for each token more; there is room for ${kept.fits} tokens`);
  if (kept.homeBytes) lines.push(line('in memory', kept.homeBytes));
  if (kept.storedBytes) lines.push(line('in storage', kept.storedBytes));
  const { costs, gpuCosts: records, tuning } = host;
  const uses = await keptWith('uses', host, opened);
  const onDemand = result.verdict === 'refused' ? undefined : forecastExperts(opened, result, uses);
  const parameters = parametersOf(stored.header, opened.graph);
  const { slices, slots, embedding, ...json } = result;
  const streamed = slices.filter(({ slot }) => slot !== undefined);
  const memoryBytes = Math.min(result.streamedBytes, flags.ram ?? defaultRamBytes);
  const readsTogether = result.streamedBytes > 0 && result.stretch > result.chunk;
  if (result.verdict === 'streams') {
    lines.push(
      line('stay', result.keptBytes),
      ...(onDemand ? itemLines(onDemand) : []),
      line('per token', result.streamedBytes),
      line('from store', result.streamedBytes - memoryBytes),
      line('from memory', memoryBytes),
      ...(readsTogether ? [`a prompt reads them once for ${result.stretch} tokens, in steps of ${result.chunk}`] : []),
      `${streamed.length} of ${slices.length} slices pass through ${slots} slots; input embeddings ` +
      `${embedding === 'gpu' ? 'are on the GPU' : 'are read by rows'}`,
    );
  }
  const storeCost = (flags.retune ? undefined : await costs.get('store')) ?? (await measureSource(source, stored.header, stored.layout));
  if (storeCost) await costs.set('store', storeCost);
  await source.close();
  const how = {
    choice: options.choice, kv: options.kv, shape: options.shape, fixed: flags.kernels !== undefined, exact: flags.f32, ramBytes: flags.ram, store: storeCost,
    records, tuning, anew: flags.retune,
  };
  const predicted = await forecast(gpu, opened, result, { ...how, onDemand });
  const other = onDemand && (await otherWay(host, stored.header, gpu, flags, options, how));
  if (predicted) lines.push(...speedLines(predicted));
  if (other) lines.push(wayWords(other));
  if (storeCost) lines.push(costLine(storeCost));
  return {
    json: {
      ...json,
      keysValues: kept,
      parameters: parameters.all,
      activeParameters: parameters.active,
      onDemand,
      otherWay: other,
      predicted,
      storeCost,
      slices: slices.length,
      streamedSlices: streamed.length,
      slots,
      embedding,
      storeBytesPerToken: result.streamedBytes - memoryBytes,
      memoryBytesPerToken: memoryBytes,
    },
    text: [`${result.verdict}, context ${result.context}, ${parameterWords(parameters)}`, ...lines, ...(result.reason ? [result.reason] : [])].join('\n'),
    code: result.verdict === 'refused' ? 1 : 0,
  };
}

const costLine = (cost: StoreCost): string =>
  `a read       ${(1000 * cost.secondsPerRead).toFixed(2)} ms and ${(1 / cost.secondsPerByte / 1e9).toFixed(2)} GB/s: as much for its bytes as for ` +
  `itself at ${(kneeBytes(cost) / 2 ** 20).toFixed(2)} MiB; reads that lie side by side are joined up to ` +
  `${(readBytesFor(cost) / 2 ** 20).toFixed(2)} MiB`;

const millions = (count: number) => (count < 1e9 ? `${(count / 1e6).toFixed(1)} million` : `${(count / 1e9).toFixed(2)} billion`);

const parameterWords = ({ all, active }: Parameters): string =>
  `${millions(all)} parameters${active < all ? `, ${millions(active)} of them active in a token` : ''}`;

const itemLines = ({ of, items, slots, used, usedBytes, hitRate, fetchedBytes, byUse }: OnDemandPlan): string[] => [
  `${of.padEnd(12)} ${slots} of ${items} stay at a time, those that are used most; a token uses ${used}`,
  line('a token uses', usedBytes),
  line('fetched', fetchedBytes),
  `             for a token, as about ${(100 * hitRate).toFixed(0)} % of its ${of} are there: ` +
  `by ${byUse ? 'what it used here lately' : `an assumption on ${of === 'experts' ? 'routers, not by this one' : 'such models, not by this one'}`}`,
];

/** Of compute and transfer, the longer one is what a token takes at least. */
const speedLines = ({ decodeTokensPerSecond, prefillTokensPerSecond, bound, computeSeconds, transferSeconds, position }: Prediction): string[] => [
  `predicted    decode about ${Number(decodeTokensPerSecond.toPrecision(2))} tokens/s after ${position} tokens, bound by ${bound} (compute ` +
  `${(1000 * computeSeconds).toFixed(1)} ms, transfer ${(1000 * transferSeconds).toFixed(1)} ms)`,
  ...(prefillTokensPerSecond === undefined ? [] : [`predicted    prefill about ${Number(prefillTokensPerSecond.toPrecision(2))} tokens/s`]),
];

const line = (name: string, bytes: number) => `${name.padEnd(12)} ${(bytes / 2 ** 20).toFixed(1).padStart(10)} MiB`;
