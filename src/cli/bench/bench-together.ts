// windrow bench --sequences: src/bench/together.ts on Dawn.
import { measureTogether, togetherText } from '../../bench/together.ts';
import { createNodeEngine } from '../../node.ts';
import { openFileSource } from '../../weights/source/file-source.ts';
import { type ModelFlags, deviceOptions, loadOptions } from '../options.ts';
import { type Result } from '../result.ts';

interface Flags extends ModelFlags {
  sequences: number;
  promptTokens: number;
  newTokens: number;
}

export async function benchTogether(path: string, { budget, ...flags }: Flags): Promise<Result> {
  const { sequences, promptTokens, newTokens, context = Math.max(256, promptTokens + newTokens + 1) } = flags;
  const engine = await createNodeEngine({ deviceOptions: deviceOptions(flags) });
  const source = await openFileSource(path);
  try {
    const json = await measureTogether(engine, async (more) => engine.load(source, { ...(await loadOptions(flags)), context, ...more }), {
      sequences,
      promptTokens,
      newTokens,
      budgetBytes: budget,
    });
    return { json, text: togetherText(json) };
  } finally {
    await source.close();
  }
}
