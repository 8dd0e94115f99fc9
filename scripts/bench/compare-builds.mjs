// Compares two builds of the node package (npx vite build --mode node) on one model: CPU time per token of decode at some
// positions, and of prefill, in interleaved rounds, so that other work on the machine disturbs both alike.
//   node scripts/bench/compare-builds.mjs MODEL.gguf BEFORE/dist/node AFTER/dist/node [--rounds 7] [--positions 128,1024,4000]
//     [--tokens 8] [--prompt 192] [--kv f16] [--kernels splits=1,panels=4,dot=f32,prefill=broadcast8,few=0,threads=32]
// Each build runs in a process of its own, which answers a line of JSON per line. Keys and values at later positions are
// never computed; they take no less time to read.
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '7' },
    positions: { type: 'string', default: '128,1024,4000' },
    tokens: { type: 'string', default: '8' },
    prompt: { type: 'string', default: '192' },
    kv: { type: 'string', default: 'f16' },
    kernels: { type: 'string', default: 'splits=1,panels=4,dot=f32,prefill=broadcast8,few=0,threads=32' },
    child: { type: 'boolean', default: false },
  },
});
const [model, ...builds] = positionals;
const positions = values.positions.split(',').map(Number);
const [rounds, tokens, prompt] = [values.rounds, values.tokens, values.prompt].map(Number);
const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

if (values.child) await answer(builds[0]);
else await compare();

/** Loads the model with one build and measures what each line asks for: a position to decode at, or `prefill`. */
async function answer(build) {
  const { createNodeEngine, openFileSource } = await import(pathToFileURL(resolve(build, 'node.js')).href);
  const engine = await createNodeEngine();
  // Builds before the option was named `kernels` know it as `variant`.
  await engine.load(await openFileSource(model), {
    context: Math.max(...positions) + tokens + 8,
    kv: values.kv,
    kernels: values.kernels,
    variant: values.kernels,
  });
  const { runner, model: { graph, gpu } } = engine.loaded();
  const ids = Array.from({ length: prompt }, (_, i) => (1 + i * 7919) % graph.config.vocab);
  const measure = async (what) => {
    const before = process.cpuUsage();
    if (what === 'prefill') await runner.feed(ids, 0);
    else for (let i = 0; i < tokens; i++) await runner.feed([ids[i]], Number(what) + i);
    await runner.readLogits(); // waits for all of it
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000 / (what === 'prefill' ? prompt : tokens);
  };
  for (const what of ['prefill', ...positions]) await measure(what); // compiles, and grows keys and values
  console.log(JSON.stringify({ adapter: gpu.adapterName }));
  for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(await measure(line)));
  await engine.unload();
  process.exit(0);
}

function open(build) {
  const given = Object.entries(values).filter(([name]) => name !== 'child').flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn(process.execPath, [process.argv[1], model, build, '--child', ...given], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value);
  return { ready: next(), ask: (what) => (child.stdin.write(`${what}\n`), next()), end: () => child.stdin.end() };
}

async function compare() {
  const children = builds.map(open);
  const [{ adapter }] = await Promise.all(children.map(({ ready }) => ready));
  console.log(`${adapter}, ${rounds} interleaved rounds, ${values.kv}, ${values.kernels}; CPU ms per token, medians`);
  for (const what of ['prefill', ...positions]) {
    const found = children.map(() => []);
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 ? [1, 0] : [0, 1];
      for (const i of order) found[i].push(await children[i].ask(what));
    }
    const [before, after] = found.map(median);
    const ratios = found[0].map((each, i) => found[1][i] / each);
    console.log(
      `${what === 'prefill' ? `prefill of ${prompt}` : `decode at ${what}`}: before ${before.toFixed(3)}, after ${after.toFixed(3)}, ` +
      `${(100 * (after / before - 1)).toFixed(1)} %; median of the rounds' ratios ${(100 * (median(ratios) - 1)).toFixed(1)} %`,
    );
  }
  for (const { end } of children) end();
}
