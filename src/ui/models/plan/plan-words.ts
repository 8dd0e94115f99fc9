// A plan in words. No elements.
import { type OnDemandPlan, type ModelPlan } from '../../../protocol.ts';
import { formatBytes } from '../../page/format.ts';

/** Whether it fits, and what that means. */
export function verdictWords(plan: ModelPlan): string {
  const { verdict, reason, totalBytes, budgetBytes, keptBytes, streamedBytes, onDemand, predicted } = plan;
  if (verdict === 'refused') return reason ?? 'The model does not fit.';
  const room = `${formatBytes(totalBytes)} of the ${formatBytes(budgetBytes)} that windrow may use of the GPU`;
  const speed = predicted ? `about ${roughly(predicted.decodeTokensPerSecond)} tokens/s, ` : '';
  if (verdict === 'fits') return `Fits: ${speed}takes ${room}.${activeWords(plan)}`;
  const streamed = onDemand && !streamedBytes ? '' : `, ${formatBytes(streamedBytes)} are streamed for every token`;
  return `Streams: ${speed}too large to stay on the GPU as a whole. ${formatBytes(keptBytes)} of weights stay there${streamed}. ` +
    `${onDemand ? itemWords(onDemand) : ''}It takes ${room}.${activeWords(plan)}`;
}

const itemWords = ({ of, items, slots, used, usedBytes, hitRate, fetchedBytes, byUse }: OnDemandPlan): string =>
  `It ${of === 'experts' ? 'is a mixture of' : 'has'} ${items.toLocaleString('en')} ${of}, of which a token uses ${used} ` +
  `(${formatBytes(usedBytes)}) and ${slots.toLocaleString('en')} ` +
  `have room at a time: about ${roughly(100 * hitRate)} % of them will be there, and ${formatBytes(fetchedBytes)} are fetched for a ` +
  `token${byUse ? ', by what its last answers here used' : ''}. `;

/** Of a mixture: how many of its weights a token uses. */
const activeWords = ({ parameters, activeParameters }: ModelPlan): string =>
  activeParameters < parameters ? ` A token uses ${count(activeParameters)} of its ${count(parameters)} weights.` : '';

const count = (weights: number): string =>
  weights >= 1e9 ? `${roughly(weights / 1e9)} billion` : weights >= 1e6 ? `${roughly(weights / 1e6)} million` : roughly(weights);

/** In two digits: a prediction is no more precise. */
const roughly = (value: number) => Number(value.toPrecision(2)).toLocaleString('en');

/** Where the model will be, and what it allows. Nothing of storage where it `lacks` room: the plan's card says that, and what can be done. */
export function roomWords({ verdict, stored, storedBytes, freeBytes, context, keysValues, storeCost }: ModelPlan, keep = true, lacks = false): string {
  const reads = storeCost
    ? ` Storage is read at ${formatBytes(1 / storeCost.secondsPerByte)}/s and ${roughly(1000 * storeCost.secondsPerRead)} ms per read.`
    : '';
  const longer = keysValues.fits > context ? `; there would be room for ${keysValues.fits.toLocaleString('en')}` : '';
  const talk = `Conversations of up to ${context.toLocaleString('en')} tokens take ${formatBytes(keysValues.bytes)} of the GPU${longer}.${reads}`;
  if (stored) return `Already on this device. ${talk}`;
  if (lacks || verdict === 'refused') return talk;
  if (!keep) return `It is not kept in this browser. ${talk}`;
  if (freeBytes === undefined) return `It is kept in this browser (${formatBytes(storedBytes)}). ${talk}`;
  return `It is kept in this browser: ${formatBytes(storedBytes)} of the ${formatBytes(freeBytes)} that are free. ${talk}`;
}
