// What bringing a kept conversation back costs, as far as it was measured before: nothing is measured for it, as answers may be under way.
import { type Gpu } from '../../gpu/device.ts';
import { type KvFormat } from '../../kv/formats/format.ts';
import { type StoreCost } from '../../protocol.ts';
import { guessedCost } from '../../weights/stream/cost-model.ts';
import { type Host } from '../engine.ts';
import { type OpenedModel } from '../load/opened.ts';
import { type EngineOptions } from '../load/options.ts';
import { type PlannedModel } from '../load/plan/planned.ts';
import { defaultChoice } from '../measure/tune/choice-text.ts';
import { knownForecast } from '../measure/predict/forecast.ts';
import { type BringCosts } from '../measure/load-or-run.ts';

interface Known {
  host: Pick<Host, 'gpuCosts' | 'tuning'>;
  kv: KvFormat;
  store?: StoreCost;
  options: Pick<EngineOptions, 'f32' | 'ramBytes'>;
}

export async function bringCosts(
  gpu: Gpu, opened: OpenedModel, { plan }: PlannedModel, { host, kv, store = guessedCost, options }: Known,
): Promise<Omit<BringCosts, 'perCodedByte'> | undefined> {
  const how = { choice: defaultChoice(gpu), kv, exact: options.f32, ramBytes: options.ramBytes, store, records: host.gpuCosts, tuning: host.tuning };
  const known = await knownForecast(gpu, opened, plan, how);
  return known && { store, perUploadedByte: known.costs.perUploadedByte, prefillTokensPerSecond: known.predicted.prefillTokensPerSecond };
}
