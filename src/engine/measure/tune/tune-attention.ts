// Chooses how many positions a workgroup of attention takes in decode, with how many threads, whether it turns its queries by itself, and whether
// the output projection joins its splits, by timing the model's own attention at lengths that conversations reach. Which choices there are, and
// what they cost in memory, is the business of src/model.
import { type SequenceBuffers } from '../../../model/operation.ts';
import { writeState } from '../../../model/sequence-buffers.ts';
import { rank } from '../../../gpu/autotune.ts';
import { createLedger } from '../../../gpu/ledger.ts';
import { type Dispatch } from '../../../gpu/program.ts';
import { type KvFormat } from '../../../kv/formats/format.ts';
import { type ModelConfig } from '../../../model/graph.ts';
import { cachesOf, segmentBytes } from '../../../kv/segment.ts';
import { attentionOf, mostJoined } from '../../../model/blocks/decode-attention.ts';
import { choiceOf } from '../../../model/choices/choice-of-matrix.ts';
import { type AttentionChoice, type KernelChoice, attentions, fitsRegisters } from '../../../model/choices/kernel-choice.ts';
import { type TimedTarget } from './tune.ts';
import { type AdapterNotes, type Joins, notedChoice } from './tuning.ts';

export type Attending = AttentionChoice & Pick<KernelChoice, 'turned' | 'joined'>;

/** Positions that are attended to, if the context has so many. */
const usualLength = 2048;
/** Loads that measure again if no time was left to time splits both ways, and for how long: the weights wait for it. */
const mostTries = 3;
const againMs = 1000;
/** Layers whose keys and values are read in turn: more than a GPU's caches hold, of most models. */
const mostLayers = 8;

/** Names attention that is equal work for a kernel. */
export const attentionKind = ({ heads, kvHeads, headDim }: ModelConfig, kv: KvFormat, context: number): string =>
  `${heads}/${kvHeads} heads of ${headDim} in ${kv.name}, ${Math.min(usualLength, context)} positions`;

/**
 * `choice` with the fastest attention, as noted or as measured now. Where no time was left, the first choice is taken, in later loads too
 * unless they measure (`later`). `joinBy`: until when it may be measured whether splits are joined by the output projection.
 */
export async function tuneAttention(
  target: TimedTarget,
  choice: KernelChoice,
  notes: AdapterNotes,
  deadline: number,
  later = false,
  joinBy = deadline,
): Promise<{ choice: KernelChoice; learned: boolean }> {
  if (!cachesOf(target.config).length) return { choice, learned: false }; // nothing attends
  const choices = choicesFor(target, choice);
  // A model of the same heads whose queries are turned apart has fewer to choose from.
  const kind = attentionKind(target.config, target.kv, target.context) + (choices.some(({ turned }) => turned) ? ', turned' : '');
  const noted = notedChoice(target.gpu, notes.attentions?.[kind]);
  if (noted) return tuneJoin(target, { ...choice, ...noted }, notes, joinBy);
  const tells = target.now() < deadline && (await target.clock.sampleMs()) !== undefined;
  const isLeftOut = tells && !(await target.begin('attention')); // for now
  const timed = tells && !isLeftOut ? await timeShapes(target, choice, choices, deadline) : [];
  const best = { ...choice, ...(timed[0]?.value ?? choices[0]) };
  if (isLeftOut || (timed.length <= 1 && later)) return { choice: best, learned: false };
  notes.attentions = { ...notes.attentions, [kind]: timed[0]?.value ?? choices[0] };
  return { choice: timed.length > 1 ? (await tuneJoin(target, best, notes, joinBy)).choice : best, learned: true };
}

/** The untuned choice first; in software those with the fewest barriers, as compiling one may take all of the time. */
function choicesFor({ gpu: { software }, config, record }: TimedTarget, choice: KernelChoice): Attending[] {
  const usual: Attending = attentionOf(config, choice);
  const same = (a: AttentionChoice, b: AttentionChoice) => a.span === b.span && a.threads === b.threads;
  const choices: Attending[] = [usual, ...attentions.filter((each) => !same(each, usual) && same(attentionOf(config, each), each))];
  if (software) return choices.sort((a, b) => a.threads - b.threads);
  const turned: Attending = { ...usual, turned: 1 };
  // Only where all layers can: what a dispatch less is worth is told by pieces that are alike.
  const turns = !choice.turned && !record('decode', { ...choice, ...turned }).some(isTurning);
  return [usual, ...(turns ? [turned] : []), ...choices.slice(1).filter((each) => fitsRegisters(each, config.headDim))];
}

const isTurning = ({ kernel }: Dispatch): boolean => kernel.kernel === 'rope';
const isAttending = ({ kernel }: Dispatch): boolean => kernel.kernel.startsWith('attention');
const isReducing = ({ kernel }: Dispatch): boolean => kernel.kernel === 'attention-reduce';

/** Attention, what joins its splits, and what turns queries, where a candidate does that too. */
function timeShapes(target: TimedTarget, choice: KernelChoice, choices: Attending[], deadline: number) {
  const compared = choices.some(({ turned }) => turned);
  const length = Math.min(usualLength, target.context);
  return time(target, choice, choices, length, (each) => isAttending(each) || (compared && isTurning(each)), deadline);
}

/**
 * `choice`, with splits joined by the output projection where that is faster for the most splits that it joins, as noted or as measured now: all of
 * attention and the projection are timed. Where no time was left for both ways, splits are not joined, and some later loads measure. Not in software,
 * where each workgroup's joining costs a processor more than a dispatch, and not where weights are streamed (`streamedChoice`).
 */
async function tuneJoin(target: TimedTarget, choice: KernelChoice, notes: AdapterNotes, deadline: number): Promise<{ choice: KernelChoice; learned: boolean }> {
  const { gpu: { software }, streams, record, now, clock, activations: { buffers } } = target;
  const isProjecting = ({ bindings: { input } }: Dispatch) => input !== undefined && (input === buffers.attended || input === buffers.partials);
  const apart = record('decode', choice);
  const projections = apart.filter(isProjecting);
  if (software || streams || choice.joined !== undefined || !projections.length) return { choice, learned: false };
  const length = Math.min(mostJoined * choice.span, target.context);
  const kind = joinKind(target, choice, projections, length);
  const { joined, late = 0 } = notes.joins?.[kind] ?? {};
  if (joined !== undefined || late >= mostTries) return { choice: { ...choice, joined: joined ?? 0 }, learned: false };
  // Only where all layers can, as pieces are to be alike; a projection that may join is there twice.
  const isOfAll = record('decode', { ...choice, joined: 1 }).filter(isProjecting).length === 2 * projections.length;
  if (!isOfAll || projections.length % apart.filter(isReducing).length) return { choice, learned: false };
  const end = late ? Math.min(deadline, now() + againMs) : deadline;
  const measuring = now() < end && (await clock.sampleMs()) !== undefined;
  // For now, as loads ended within it.
  if (measuring && !(await target.begin('join'))) return { choice: { ...choice, joined: 0 }, learned: false };
  const isPart = (each: Dispatch) => isAttending(each) || isTurning(each) || isProjecting(each);
  const { span, threads, turned } = choice;
  const ways = ([0, 1] as const).map((each) => ({ span, threads, turned, joined: each }));
  const timed = measuring ? await time(target, choice, ways, length, isPart, end) : [];
  const found: Joins = timed.length > 1 ? { joined: timed[0].value.joined } : { late: late + 1 };
  notes.joins = { ...notes.joins, [kind]: found };
  return { choice: { ...choice, joined: found.joined ?? 0 }, learned: true };
}

/** Names attention with the projections behind it, all that is timed together, in the shapes in which it is. */
function joinKind({ config, kv, context }: TimedTarget, choice: KernelChoice, projections: Dispatch[], length: number): string {
  const kinds = [...new Set(projections.flatMap(({ kind }) => kind ?? []))].map((kind) => {
    const { splits, panels, dot } = choiceOf(choice, kind);
    return `${kind} by ${splits} splits, ${panels} panels, ${dot}`;
  });
  const attending = `${attentionKind(config, kv, context)}, ${choice.span} in ${choice.threads}${choice.turned ? ', turned' : ''}`;
  return [attending, ...kinds, `${length} positions`].join('; ');
}

/** What `isPart` of attention's dispatches takes for a layer at `length` positions, over keys and values that are freed afterwards. */
async function time(
  { gpu: { device, software }, ledger, kernels, clock, now, activations, sequence, config, kv, record }: TimedTarget,
  choice: KernelChoice,
  choices: Attending[],
  length: number,
  isPart: (dispatch: Dispatch) => boolean,
  deadline: number,
) {
  const left = ledger.budgetBytes - Object.values(ledger.bytes).reduce((a, b) => a + b, 0);
  const bytes = segmentBytes(config, length, kv);
  const layers = Math.min(mostLayers, cachesOf(config).length, Math.floor(left / bytes - 1));
  if (layers < 1) return []; // a budget that has no room for a cache has none for longer texts either
  const own = createLedger(device, Infinity, { ledger, purpose: 'test' });
  try {
    const pages = Array.from({ length: layers }, (_, layer) => ({ buffer: own.create('kv', `autotune.kv.${layer}`, bytes, GPUBufferUsage.STORAGE) }));
    await own.settle();
    const longer: SequenceBuffers = { ...sequence, fresh: (layer) => pages[layer % layers] };
    writeState(device.queue, activations, longer, length - 1, 1);
    const candidates = choices.map((value) => {
      const dispatches = record('decode', { ...choice, ...value }).filter(isPart);
      const together = dispatches.length / dispatches.filter(isReducing).length;
      return { value, together, dispatches: dispatches.slice(0, together * mostLayers) };
    });
    return await rank({ device, software, ledger, kernels, clock, now }, { rows: 1, length, of: longer }, candidates, deadline);
  } finally {
    own.destroyAll();
  }
}
