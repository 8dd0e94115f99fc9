// What the activity panel copies for a bug report: facts of the machine and the model, no text of any chat.
import { type EngineStats, type ModelInfo, type SelfTestResult } from '../../protocol.ts';
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

/** Facts of the last answer, as label and value. */
export function lastAnswer(answers: Answer[]): [string, string][] {
  const stats = answers.at(-1)?.stats;
  if (!stats) return [];
  const speed = speedOf(stats);
  const facts: [string, string][] = [
    ['Speed', Number.isNaN(speed) ? '–' : formatSpeed(speed)],
    ['First token', `${(stats.prefillMs / 1000).toFixed(2)} s`],
    ['Prompt', `${stats.promptTokens} tokens, ${stats.cachedTokens} cached`],
  ];
  if (stats.transfer) {
    const { items, decode: { uploadedBytes, stalls, stallMs, itemsUsed, itemsThere } } = stats.transfer;
    if (itemsUsed > 0) facts.push([items === 'neurons' ? 'Neurons' : 'Experts', `${((100 * itemsThere) / itemsUsed).toFixed(1)} % were on the GPU`]);
    facts.push(['Streamed', `${formatBytes(uploadedBytes / Math.max(1, stats.newTokens - 1))} per token`], ['Stalls', `${stalls}, ${Math.round(stallMs)} ms`]);
  }
  return facts;
}
