// windrow bench --predict: predicted against measured decode speed of models at several budgets and positions. What
// predictions follow from is measured in the same run, by turns with the speed.
import { type Engine } from '../../engine/engine.ts';
import { type LoadedModel } from '../../engine/load/load.ts';
import { defaultRamBytes } from '../../engine/load/streaming.ts';
import { measureGpu } from '../../engine/measure/measure-gpu.ts';
import { predict } from '../../engine/measure/predict/predict.ts';
import { type Runner } from '../../engine/run/runner.ts';
import { sweepBudgets } from '../../engine/measure/sweep.ts';
import { createNodeEngine } from '../../node.ts';
import { type Prediction } from '../../protocol.ts';
import { guessedCost, measureSource } from '../../weights/stream/cost-model.ts';
import { openFileSource } from '../../weights/source/file-source.ts';
import { table } from '../../bench/table.ts';
import { type ModelFlags, deviceOptions, loadOptions } from '../options.ts';
import { type Result } from '../result.ts';
import { compiled } from '../../model/sampling/sampler.ts';

const positions = [64, 512, 1500];
const shares = ['100 %', '50 %', '25 %'];
const rounds = 5;
const sampleMs = 300;
/** Positions that a run of tokens may need beyond the one it begins at. */
const longestRun = 72;

interface Round {
  prediction: Prediction;
  /** How many measurements of the GPU it took, and for how long. */
  measurements: number;
  measurementMs: number;
  /** Tokens per second. */
  measured: number;
}

export interface Compared {
  model: string;
  budget: string;
  budgetBytes: number;
  position: number;
  /** Tokens per second of the median round. */
  predicted: number;
  measured: number;
  /** Of the prediction, as a share of what was measured; the median round's. */
  error: number;
  rounds: Round[];
}

export async function benchPredict(
  paths: readonly string[],
  flags: ModelFlags,
): Promise<Result & { json: { adapter: string; medianError: number; rows: Compared[] } }> {
  const engine = await createNodeEngine({ deviceOptions: deviceOptions(flags) });
  const rows: Compared[] = [];
  for (const path of paths) rows.push(...(await compare(engine, path, flags)));
  const { adapterName } = engine.loaded().model.gpu;
  await engine.unload();
  const medianError = middle(rows, ({ error }) => Math.abs(error)).error;
  return {
    json: { adapter: adapterName, medianError: Math.abs(medianError), rows },
    text: [...rowTable(rows), `median error ${percent(Math.abs(medianError))}`].join('\n'),
  };
}

async function compare(engine: Engine, path: string, flags: ModelFlags): Promise<Compared[]> {
  const source = await openFileSource(path);
  const ramBytes = flags.ram ?? defaultRamBytes;
  const load = async (more: { context?: number; budgetBytes?: number }) => {
    await engine.load(source, { ...(await loadOptions(flags)), ...more, ramBytes });
    return engine.loaded();
  };
  const { model: { header, layout, graph } } = await load({});
  const context = flags.context ?? Math.min(graph.config.context, 2048);
  const store = (await measureSource(source, header, layout)) ?? guessedCost;
  const rows: Compared[] = [];
  for (const { name, budgetBytes } of budgetsOf((await load({ context })).model)) {
    const { model, runner } = await load({ context, budgetBytes });
    for (const position of new Set(positions.map((p) => Math.min(p, context - longestRun)))) {
      const found: Round[] = [];
      for (let round = 0; round < rounds; round++) { // by turns, so that other work on the machine disturbs both alike
        const started = performance.now();
        const { costs } = await measureGpu(model.gpu, model, [model.choice], model.kv);
        const measurementMs = performance.now() - started;
        const prediction = predict(model, model.plan, { gpu: costs, store }, { position, ramBytes, onDemand: model.expected });
        found.push({ prediction, measurements: costs.measurements, measurementMs, measured: await decodeSpeed(model, runner, position) });
      }
      const { prediction, measured } = middle(found, errorOf);
      rows.push({
        model: source.name,
        budget: name,
        budgetBytes,
        position,
        predicted: prediction.decodeTokensPerSecond,
        measured,
        error: errorOf({ prediction, measured }),
        rounds: found,
      });
    }
  }
  await source.close();
  return rows;
}

function budgetsOf({ gpu, sizes, kv, ...opened }: LoadedModel): ReturnType<typeof sweepBudgets> {
  const limits = { maxBufferBytes: gpu.device.limits.maxBufferSize, maxBindingBytes: gpu.maxBindingBytes };
  return sweepBudgets(opened, { ...sizes, kv, ...limits }).filter(({ name }) => shares.includes(name));
}

/** Tokens per second from `position` on, after keys and values that were never computed, which take no less time to read. */
async function decodeSpeed({ samplerFor, graph, sequence }: LoadedModel, runner: Runner, position: number): Promise<number> {
  const greedy = await compiled(samplerFor, { seed: 0 });
  const run = async (count: number): Promise<number> => {
    sequence.memory?.ran(position); // what a state holds makes no difference to the time either
    await runner.feed([1 % graph.config.vocab], position);
    let ms = 0;
    let before: number | undefined; // the first one waits for what was fed
    let made = 0;
    for await (const tokens of runner.tokens(greedy, position + 1, count)) {
      const now = performance.now();
      if (before !== undefined) {
        ms += now - before;
        made += tokens.length;
      }
      before = now;
    }
    return ms / made;
  };
  const count = Math.max(4, Math.min(longestRun - 8, Math.ceil(sampleMs / (await run(4))))); // which also warms up
  return 1000 / (await run(count));
}

const errorOf = ({ prediction, measured }: Pick<Round, 'prediction' | 'measured'>): number => prediction.decodeTokensPerSecond / measured - 1;
const middle = <T>(values: readonly T[], by: (value: T) => number): T => values.toSorted((a, b) => by(a) - by(b))[Math.floor(values.length / 2)];
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

const rowTable = (rows: Compared[]): string[] =>
  table(
    ['model', 'weights', 'position', 'predicted/s', 'measured/s', 'error', 'bound', 'C ms', 'T ms', 'measurements', 'ms'],
    rows.map(({ model, budget, position, predicted, measured, error, rounds: [{ prediction, measurements, measurementMs }] }) => [
      model, budget, String(position), predicted.toFixed(2), measured.toFixed(2), percent(error), prediction.bound,
      (1000 * prediction.computeSeconds).toFixed(1), (1000 * prediction.transferSeconds).toFixed(1), String(measurements), measurementMs.toFixed(0),
    ]),
  );
