// windrow plan: what a model will take on the GPU, from its header alone.
import { defaultRamBytes, openModel, planFor } from '../engine/load.ts';
import { optionsFor } from '../engine/engine.ts';
import { checkLimits } from '../engine/limits.ts';
import { defaultShapes, parseShapes } from '../engine/shapes.ts';
import { openGpu } from '../gpu/device.ts';
import { readHeader } from '../gguf/parse.ts';
import { dawn } from '../node.ts';
import { openFileSource } from '../weights/file-source.ts';
import { type Result } from './result.ts';
import { type ModelFlags, deviceOptions } from './options.ts';

export async function planModel(path: string, flags: ModelFlags): Promise<Result> {
  const source = await openFileSource(path);
  const opened = openModel(await readHeader(source));
  await source.close();
  const gpu = await openGpu(dawn(), deviceOptions(flags));
  const options = optionsFor(opened, gpu, { budgetBytes: flags.budget, ramBytes: flags.ram, context: flags.context }, parseShapes(flags.variant ?? '', defaultShapes(gpu, flags)));
  const result = planFor(gpu, opened, options);
  checkLimits(opened, gpu, options);
  const lines = Object.entries({ ...result.bytes, total: result.totalBytes }).map(([name, bytes]) => line(name, bytes));
  const { slices, slots, embedding, ...json } = result;
  const streamed = slices.filter(({ slot }) => slot !== undefined);
  const memoryBytes = Math.min(result.streamedBytes, flags.ram ?? defaultRamBytes);
  if (result.verdict === 'streams') {
    lines.push(
      line('stay', result.keptBytes), line('per token', result.streamedBytes),
      line('from store', result.streamedBytes - memoryBytes), line('from memory', memoryBytes),
      `${streamed.length} of ${slices.length} slices pass through ${slots} slots; input embeddings ${embedding === 'gpu' ? 'are on the GPU' : 'are read by rows'}`,
    );
  }
  return {
    json: { ...json, slices: slices.length, streamedSlices: streamed.length, slots, embedding, storeBytesPerToken: result.streamedBytes - memoryBytes, memoryBytesPerToken: memoryBytes },
    text: [`${result.verdict}, context ${result.context}`, ...lines, ...(result.reason ? [result.reason] : [])].join('\n'),
    code: result.verdict === 'refused' ? 1 : 0,
  };
}

const line = (name: string, bytes: number) => `${name.padEnd(12)} ${(bytes / 2 ** 20).toFixed(1).padStart(10)} MiB`;
