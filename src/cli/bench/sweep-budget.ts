// windrow bench --sweep-budget: src/bench/sweep.ts on Dawn.
import { sweep, sweepText } from '../../bench/sweep.ts';
import { createNodeEngine } from '../../node.ts';
import { openFileSource } from '../../weights/source/file-source.ts';
import { type ModelFlags, deviceOptions } from '../options.ts';
import { type Result } from '../result.ts';

interface Flags extends ModelFlags {
  promptTokens: number;
  newTokens: number;
}

export async function sweepBudget(path: string, { promptTokens, newTokens, context, f32, kv, kernels, ram, ...flags }: Flags): Promise<Result> {
  const engine = await createNodeEngine({ deviceOptions: deviceOptions(flags) });
  const source = await openFileSource(path);
  const json = await sweep(engine, source, { promptTokens, newTokens, context, f32, kv, kernels, ramBytes: ram });
  await source.close();
  return { json, text: sweepText(json) };
}
