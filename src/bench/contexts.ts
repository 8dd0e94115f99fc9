// Speed of prefill and decode at growing contexts, beside what the device's peak would allow, and how the time of a token
// grows. Each context continues the one before it; its tokens are chosen twice and have to repeat.
import { positionBytes } from '../kv/segment.ts';
import { type Loaded } from '../engine/engine.ts';
import { type LoadedModel } from '../engine/load/load.ts';
import { type Sampler, compiled } from '../model/sampling/sampler.ts';
import { type DevicePeak } from '../protocol.ts';
import { type Cost, boundOf, rooflineSeconds, totalCost } from './cost.ts';
import { checkRepeats } from './generation.ts';

export interface ContextSpeed {
  /** Tokens of the prompt. */
  context: number;
  /** Of the prompt's tokens since the context before. */
  prefillTokensPerSecond: number;
  decodeTokensPerSecond: number;
  decodeMsPerToken: number;
  /** Of the whole prompt, up to the first token. */
  firstTokenMs: number;
  /** What a token has to read and write, and to compute, at this context. */
  perToken: Cost;
  /** By the device's peak, and how much longer it took. */
  predicted: { firstTokenMs: number; msPerToken: number; firstTokenRatio: number; msPerTokenRatio: number };
  tokens: number[];
}

export interface Growth {
  from: number;
  to: number;
  bytes: number;
  flops: number;
  measured: number;
  /** What bounds a token at the longer context, by the device's peak. */
  bound: 'bytes' | 'FLOPs';
  /** Measured growth over that of the bound; at most 1.2 is wanted. */
  ratio: number;
}

export interface ContextOptions {
  newTokens: number;
  /** Leave out contexts that would take longer to reach. */
  mostSeconds?: number;
  onContext?: (speed: ContextSpeed) => void;
}

/** The contexts that were run, and those left out with the seconds that they would take. */
export async function measureContexts(
  loaded: Loaded,
  prompt: readonly number[],
  contexts: readonly number[],
  peak: DevicePeak,
  { newTokens, mostSeconds = Infinity, onContext }: ContextOptions,
): Promise<{ contexts: ContextSpeed[]; leftOut: { context: number; seconds: number }[] }> {
  const { runner, model } = loaded;
  const { chunk, context: most } = model.sizes;
  const greedy = await compiled(model.samplerFor, { seed: 0 });
  const speeds: ContextSpeed[] = [];
  const leftOut: { context: number; seconds: number }[] = [];
  let position = 0;
  let feedMs = 0;
  const choose = async (length: number) => {
    const started = performance.now();
    const tokens = runner.tokens(greedy, length, newTokens + 1);
    const made = [...((await tokens.next()).value ?? [])];
    const first = performance.now();
    for await (const more of tokens) made.push(...more);
    return { ids: made.map(({ id }) => id), sampleMs: first - started, decodeMs: performance.now() - first };
  };
  for (const context of contexts) {
    const end = Math.min(context, most - newTokens - 2); // room for the new tokens
    const seconds = speeds.length ? (end - position) / speeds.at(-1)!.prefillTokensPerSecond : 0;
    if (seconds > mostSeconds || end <= position) {
      if (end > position) leftOut.push({ context, seconds });
      continue;
    }
    const started = performance.now();
    await runner.feed(prompt.slice(position, end), position);
    const fed = performance.now() - started;
    const one = await choose(end);
    // The last chunk once more: the same keys and values have to lead to the same tokens.
    const last = position + Math.floor((end - position - 1) / chunk) * chunk;
    await runner.feed(prompt.slice(last, end), last);
    const two = await choose(end);
    checkRepeats(two.ids, one.ids, `Two runs at a context of ${end}`);
    const prefillMs = fed + one.sampleMs;
    feedMs += fed;
    const decodeMs = Math.min(one.decodeMs, two.decodeMs) / newTokens; // of the run that other work disturbed less
    const firstTokenMs = feedMs + one.sampleMs;
    const perToken = tokenCost(model, greedy, end + newTokens / 2);
    const predicted = {
      firstTokenMs: 1000 * promptSeconds(model, greedy, end, peak),
      msPerToken: 1000 * tokenSeconds(model, greedy, end + newTokens / 2, peak),
    };
    speeds.push({
      context: end,
      prefillTokensPerSecond: (1000 * (end - position)) / prefillMs,
      decodeTokensPerSecond: 1000 / decodeMs,
      decodeMsPerToken: decodeMs,
      firstTokenMs,
      perToken,
      tokens: one.ids,
      predicted: { ...predicted, firstTokenRatio: firstTokenMs / predicted.firstTokenMs, msPerTokenRatio: decodeMs / predicted.msPerToken },
    });
    onContext?.(speeds.at(-1)!);
    position = end;
  }
  return { contexts: speeds, leftOut };
}

/** From the shortest to the longest context. */
export function growthOf(speeds: readonly ContextSpeed[], peak: DevicePeak): Growth | undefined {
  const [a, b] = [speeds.at(0), speeds.at(-1)];
  if (!a || !b || a === b) return undefined;
  const bytes = b.perToken.bytes / a.perToken.bytes;
  const flops = b.perToken.flops / a.perToken.flops;
  const measured = b.decodeMsPerToken / a.decodeMsPerToken;
  const bound = boundOf(b.perToken, peak);
  return { from: a.context, to: b.context, bytes, flops, measured, bound, ratio: measured / (bound === 'bytes' ? bytes : flops) };
}

const bodyDispatches = ({ programs }: LoadedModel, rows: number) =>
  (rows === 1 ? programs.decode : programs.prefill).flatMap(({ program }) => program.dispatches);

/** The output matrix, for one position, and a choice. */
const headDispatches = ({ heads }: LoadedModel, { program }: Sampler) => [...heads.last.flatMap((stage) => stage.program.dispatches), ...program.dispatches];

const decodeDispatches = (model: LoadedModel, sampler: Sampler) => [...bodyDispatches(model, 1), ...headDispatches(model, sampler)];

const costModel = ({ graph: { config }, kv }: LoadedModel) => ({ config, kvPositionBytes: positionBytes(config, kv) });

/** What one token costs with `length` positions. */
export const tokenCost = (model: LoadedModel, sampler: Sampler, length: number): Cost =>
  totalCost(decodeDispatches(model, sampler), { rows: 1, length: Math.round(length) }, costModel(model));

/** The least seconds of a token, one dispatch after the other. */
export const tokenSeconds = (model: LoadedModel, sampler: Sampler, length: number, peak: DevicePeak): number =>
  decodeDispatches(model, sampler).reduce(
    (sum, dispatch) => sum + rooflineSeconds(totalCost([dispatch], { rows: 1, length: Math.round(length) }, costModel(model)), peak),
    0,
  );

/** What a prompt runs up to its first token: the steps of prefill, then the last position's logits and choice. */
function promptSteps(
  model: LoadedModel,
  sampler: Sampler,
  length: number,
): { dispatches: ReturnType<typeof bodyDispatches>; step: { rows: number; length: number } }[] {
  const { chunk } = model.sizes;
  const steps = Array.from({ length: Math.ceil(length / chunk) }, (_, i) => ({
    rows: Math.min(chunk, length - i * chunk),
    length: Math.min(length, (i + 1) * chunk),
  }));
  return [
    ...steps.map((step) => ({ dispatches: bodyDispatches(model, step.rows), step })),
    { dispatches: headDispatches(model, sampler), step: { rows: 1, length } },
  ];
}

/** What a prompt costs up to its first token. */
export const promptCost = (model: LoadedModel, sampler: Sampler, length: number): Cost =>
  promptSteps(model, sampler, length)
    .map(({ dispatches, step }) => totalCost(dispatches, step, costModel(model)))
    .reduce((a, b) => ({ bytes: a.bytes + b.bytes, flops: a.flops + b.flops }));

/** The least seconds of a prompt up to its first token, one dispatch after the other. */
const promptSeconds = (model: LoadedModel, sampler: Sampler, length: number, peak: DevicePeak): number =>
  promptSteps(model, sampler, length)
    .flatMap(({ dispatches, step }) => dispatches.map((dispatch) => rooflineSeconds(totalCost([dispatch], step, costModel(model)), peak)))
    .reduce((a, b) => a + b, 0);
