// Of a mixture whose experts have ReLU gates, and do not all fit: how fast it would be the other way, by whole experts or by their neurons.
import { forecastExperts } from '../engine/measure/predict/experts-forecast.ts';
import { type ForecastOptions, forecast } from '../engine/measure/predict/forecast.ts';
import { openModel, openedWith, readAs } from '../engine/load/opened.ts';
import { planFor } from '../engine/load/plan/planned.ts';
import { type KeptWithModel, keptWith } from '../engine/kept-with-model.ts';
import { type Header } from '../gguf/header.ts';
import { type Gpu } from '../gpu/device.ts';
import { type ExpertsRead, type OnDemandPlan, type Prediction } from '../protocol.ts';
import { type ModelFlags } from './options.ts';

export interface OtherWay {
  experts: ExpertsRead;
  onDemand: OnDemandPlan;
  predicted?: Prediction;
}

/** Undefined where there is no other way, or nothing is fetched by it. */
export async function otherWay(
  host: KeptWithModel, header: Header, gpu: Gpu, flags: ModelFlags, options: Parameters<typeof planFor>[2], how: Omit<ForecastOptions, 'onDemand'>,
): Promise<OtherWay | undefined> {
  const experts = flags.experts === 'neurons' ? 'whole' : 'neurons';
  const model = await openedWith(await openModel(header, readAs(undefined, { ...flags, experts })), { adapters: flags.lora });
  const hasNeurons = model.graph.layers.flat().some(({ op }) => op === 'expert-gates');
  if (hasNeurons !== (experts === 'neurons')) return undefined;
  const planned = planFor(gpu, model, options);
  const onDemand = planned.verdict === 'refused' ? undefined : forecastExperts(model, planned, await keptWith('uses', host, model));
  return onDemand && { experts, onDemand, predicted: await forecast(gpu, model, planned, { ...how, onDemand }) };
}

export const wayWords = ({ experts, onDemand: { fetchedBytes, of }, predicted }: OtherWay): string =>
  `the other way (--experts ${experts}): ${(fetchedBytes / 2 ** 20).toFixed(1)} MiB of ${of} fetched for a token` +
  (predicted ? `, decode about ${Number(predicted.decodeTokensPerSecond.toPrecision(2))} tokens/s` : '');
