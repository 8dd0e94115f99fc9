// windrow plan: what a model will take on the GPU, from its header alone.
import { openModel } from '../engine/load.ts';
import { optionsFor } from '../engine/engine.ts';
import { checkLimits } from '../engine/limits.ts';
import { plan } from '../engine/plan.ts';
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
  const options = optionsFor(opened, gpu, { budgetBytes: flags.budget, context: flags.context }, parseShapes(flags.variant ?? '', defaultShapes(gpu, flags)));
  const result = plan(opened, { ...options, cache: options.shapes.cache });
  checkLimits(opened, gpu, options);
  const lines = Object.entries({ ...result.bytes, total: result.totalBytes }).map(([name, bytes]) => `${name.padEnd(12)} ${(bytes / 2 ** 20).toFixed(1).padStart(10)} MiB`);
  return { json: result, text: [`${result.verdict}, context ${result.context}`, ...lines, ...(result.reason ? [result.reason] : [])].join('\n'), code: result.verdict === 'refused' ? 1 : 0 };
}
