// How the time of a decoded token grows with the text before it, under policies of keys and values: a prompt is run up to each position, and tokens
// behind it are timed, with the full memory beside. Use, after `npx vite build --mode node`:
//   node scripts/bench/flat-decode.mjs MODEL.gguf [--positions 1024,8192] [--tokens 32] [--kernels CHOICE] [policy[:name=number,...]...]
// Prints the milliseconds of a token, the better of two runs of --tokens (a multiple of the policy's `interval`, 32 by default, so that as many ticks are in
// each), the seconds of the prompt, and how a token's time grows from the first position to the last: at most 1.15 is wanted of policies that read as many
// slots at each position, or a part.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const { values, positionals: [model, ...policies] } = parseArgs({
  allowPositionals: true,
  options: {
    positions: { type: 'string', default: '1024,8192' },
    tokens: { type: 'string', default: '32' },
    kernels: { type: 'string', default: 'splits=1,panels=4,dot=f32,prefill=broadcast8,few=0,threads=32' },
  },
});
if (!model) {
  console.error('Use: node scripts/bench/flat-decode.mjs MODEL.gguf [--positions LIST] [--tokens N] [--kernels CHOICE] [policy[:name=number,...]...]');
  process.exit(1);
}
const positions = values.positions.split(',').map(Number);
const tokens = Number(values.tokens);
const { createNodeEngine, openFileSource } = await import(pathToFileURL(resolve('dist/node/node.js')).href);

for (const asked of policies.length ? policies : ['f16', 'streaming:slots=512', 'h2o:share=0.0625', 'quest:share=0.0625', 'lserve']) {
  const { ms, prompts } = await timesOf(asked);
  const each = positions.map((position) => `${ms.get(position).toFixed(2)} ms at ${position} (prompt ${prompts.get(position).toFixed(2)} s)`).join(', ');
  console.log(`${asked}: ${each}; ${(ms.get(positions.at(-1)) / ms.get(positions[0])).toFixed(2)}x`);
}
process.exit(0);

/** Of each position the milliseconds of a token behind it, of `tokens` that are chosen, and the seconds of the prompt up to it. */
async function timesOf(asked) {
  const [kv, given = ''] = asked.split(':');
  const kvOptions = Object.fromEntries(given.split(',').filter(Boolean).map((option) => option.split('=')).map(([name, number]) => [name, Number(number)]));
  const engine = await createNodeEngine();
  await engine.load(await openFileSource(model), {
    context: Math.max(...positions) + 3 * tokens + 8, kernels: values.kernels, kv, ...(given && { kvOptions }),
  });
  const { session, model: { graph } } = engine.loaded();
  let begun = 0; // each prompt begins with another token, so that none goes on from the one before
  const prompt = (length) => ({ tokens: Array.from({ length }, (_, i) => (i ? 1 + i * 7919 : ++begun) % graph.config.vocab) });
  const [ms, prompts] = [new Map(), new Map()];
  for (const position of positions) {
    const [rounds, fed] = [[], []];
    for (let round = 0; round < 2; round++) {
      const { stats } = await session.generate({ prompt: prompt(position), maxTokens: tokens + 1 }, () => {});
      if (stats.newTokens !== tokens + 1) throw new Error(`${asked} at ${position}: ${stats.newTokens} tokens were made, ${tokens + 1} asked for.`);
      rounds.push(stats.decodeMs / tokens);
      fed.push(stats.prefillMs / 1000);
    }
    ms.set(position, Math.min(...rounds));
    prompts.set(position, Math.min(...fed));
  }
  await engine.unload();
  return { ms, prompts };
}
