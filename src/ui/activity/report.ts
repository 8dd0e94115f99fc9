// What the activity panel copies for a bug report: facts of the machine and the model, no text of any chat.
import { type EngineStats, type GenerateStats, type ModelInfo, type OnDemandPlan, type SelfTestResult } from '../../protocol.ts';
import { speedOf, type Answer } from './activity-log.ts';
import { benchmarkLines, type Benchmark } from './benchmark.ts';
import { formatBytes, formatSpeed } from '../page/format.ts';

/** What was measured on demand; null where it was not. */
export interface Checked {
  tested: SelfTestResult[] | null;
  benchmark: Benchmark | null;
}

export function report(info: ModelInfo, stats: EngineStats, answers: Answer[], userAgent: string, { tested, benchmark }: Checked): string {
  const failed = tested?.filter(({ passed }) => !passed) ?? [];
  return [
    `model: ${info.name} (${info.architecture}, ${formatBytes(info.fileBytes)}, context ${info.context})`,
    `adapter: ${info.adapter}`,
    `device: ${Object.entries(info.device).map(([name, value]) => `${name} ${value}`).join(', ')}`,
    `browser: ${userAgent}`,
    `kernels: ${Object.entries(info.kernels).map(([name, value]) => `${name}=${value}`).join(' ')}`,
    ...(info.warnings ?? []).map((warning) => `warning: ${warning}`),
    `gpu bytes: ${Object.entries(stats.gpuBytes).map(([name, bytes]) => `${name} ${bytes}`).join(', ')}; peak ${stats.gpuBytesPeak} of ${stats.budgetBytes}`,
    ...answers.slice(-10).map(({ stats: { promptTokens, cachedTokens, newTokens, prefillMs, decodeMs, transfer } }) =>
      `answer: ${promptTokens} prompt tokens (${cachedTokens} cached) in ${Math.round(prefillMs)} ms, ${newTokens} new in ${Math.round(decodeMs)} ms`
      + (transfer ? `, ${transfer.decode.uploadedBytes} bytes streamed, ${transfer.decode.stalls} stalls of ${Math.round(transfer.decode.stallMs)} ms` : '')),
    tested ? `self-test: ${tested.length - failed.length} of ${tested.length} passed` : 'self-test: not run',
    ...failed.map(({ name, message }) => `failed: ${name}: ${message ?? ''}`),
    ...(benchmark ? benchmarkLines(benchmark).map((line) => `benchmark: ${line}`) : ['benchmark: not run']),
  ].join('\n');
}

/** What is fetched on demand, as people call it. */
export const itemName = (of: OnDemandPlan['of'] = 'experts'): string => (of === 'neurons' ? 'Neurons' : 'Experts');

/** Facts of the last answer, as label and value; of what is fetched on demand beside what was expected. */
export function lastAnswer(answers: Answer[], onDemand?: OnDemandPlan): [string, string][] {
  const stats = answers.at(-1)?.stats;
  if (!stats) return [];
  const speed = speedOf(stats);
  const facts: [string, string][] = [
    ['Speed', Number.isNaN(speed) ? '–' : formatSpeed(speed)],
    ['First token', `${(stats.prefillMs / 1000).toFixed(2)} s`],
    ['Prompt', `${stats.promptTokens} tokens, ${stats.cachedTokens} cached`],
  ];
  return stats.transfer ? [...facts, ...streamed(stats.transfer, Math.max(1, stats.newTokens - 1), onDemand)] : facts;
}

/** What went to the GPU for each of `tokens`, and from which tier. */
function streamed({ decode, items }: NonNullable<GenerateStats['transfer']>, tokens: number, onDemand: OnDemandPlan | undefined): [string, string][] {
  const { uploadedBytes, storeBytes, memoryBytes, stalls, stallMs, itemsUsed, itemsThere, itemBytes } = decode;
  const perToken = (bytes: number): string => `${formatBytes(bytes / tokens)} per token`;
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const expected = (value: string): string => (onDemand ? ` (${value} expected)` : '');
  const ofItems: [string, string][] = [
    [itemName(items), `${percent(itemsThere / itemsUsed)} were on the GPU${expected(percent(onDemand?.hitRate ?? 0))}`],
    [`${itemName(items)} brought`, `${perToken(itemBytes)}${expected(formatBytes(onDemand?.fetchedBytes ?? 0))}`],
  ];
  return [
    ...(itemsUsed > 0 ? ofItems : []),
    ['Streamed', perToken(uploadedBytes)],
    ['Read', `${perToken(storeBytes)} from storage, ${formatBytes(memoryBytes / tokens)} from worker memory`],
    ['Stalls', `${stalls}, ${Math.round(stallMs)} ms`],
  ];
}
