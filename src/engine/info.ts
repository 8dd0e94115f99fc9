// Models for people: what is loaded, what is stored.
import { factsOf } from '../gpu/device.ts';
import { type ModelInfo, type StoredModel } from '../protocol.ts';
import { checksExactly } from '../model/choices/kernel-choice.ts';
import { hasState } from '../model/operations.ts';
import { parametersOf } from '../model/parameters.ts';
import { endOfPrompt, thinkingSwitch } from '../text/thinking.ts';
import { type Manifest } from '../weights/store/store.ts';
import { describeChoice } from './measure/tune/choice-text.ts';
import { type Line } from './load/line.ts';
import { nameOf } from './load/opened.ts';
import { guessBytes } from './load/plan/plan-bytes.ts';
import { type PlannedModel } from './load/plan/planned.ts';

export function describeLoaded(line: Line): ModelInfo {
  const { found, draft, stored: { header }, opened: { graph, adapters }, text, weights, model: { gpu, choice, kv, sizes, planned } } = line;
  const { shape } = planned.chosen.options;
  const { all: parameters, active: activeParameters } = parametersOf(header, graph);
  return {
    id: weights.id,
    name: nameOf(header, found.files.source.name),
    architecture: graph.config.architecture,
    parameters, activeParameters,
    context: sizes.context,
    trainedContext: graph.config.context,
    fileBytes: header.fileBytes,
    adapter: gpu.adapterName,
    device: factsOf(gpu),
    kernels: describeChoice(choice),
    kv: kv.name,
    draft: draft && { name: draft.name, bytes: planned.plan.bytes.draft ?? 0 },
    adapters: adapters?.map(({ name, scale }) => ({ name, scale })),
    kvPolicy: shape && { name: shape.policy.name, options: shape.options },
    promptEnd: text && endOfPrompt(text.template),
    thinking: text && thinkingSwitch(text.template),
    pooling: graph.pooling === 'cls' ? undefined : graph.pooling,
    dimensions: graph.pooling === 'mean' || graph.pooling === 'last' ? graph.config.dim : undefined,
    rankedBy: graph.classifier && Math.max(0, graph.classifier.labels.indexOf('yes')),
    reasoningEffort: text?.template.reads('reasoning_effort'),
    warnings: [
      ...(planned.chosen.chooser?.warnings() ?? []), ...unguessed(planned, choice), ...(text?.template.notices ?? []), ...(text?.tokenizer.notices ?? []),
    ],
  };
}

/** Why nothing is guessed where guesses were asked for, if nothing can be; `choice`: the kernels in the end. */
export function unguessed({ chosen, plan: { logitsRows } }: PlannedModel, choice = chosen.choice): string[] {
  const { opened: { graph }, options: { speculation } } = chosen;
  if (!speculation) return [];
  if (hasState(graph)) return ['Next tokens are not guessed: the model has a recurrent state, which cannot be set back where a guess was wrong.'];
  const { budgetBytes = Infinity } = speculation;
  if (budgetBytes < guessBytes(graph))
    return [`Next tokens are not guessed: speculation.budgetBytes is ${budgetBytes}, and a guess takes ${guessBytes(graph)} bytes.`];
  if (!checksExactly(choice))
    return ['Next tokens are not guessed: the kernel for a few rows fails on this GPU, and that for many rounds more than an answer without guesses.'];
  return logitsRows > 1 ? [] : ['Next tokens are not guessed: the budget has no room for the logits of several tokens.'];
}

export const describeStored = ({ id, name, slabBytes, files, lastUsed, complete, urls, encryption }: Manifest): StoredModel => ({
  id, name, urls, lastUsed, complete,
  byteLength: slabBytes.reduce((a, b) => a + b, 0),
  fileBytes: files.reduce((sum, file) => sum + file.byteLength, 0),
  sha256: complete && files.every((file) => file.sha256) ? files.map((file) => file.sha256!) : undefined,
  encrypted: encryption && (encryption.wrapped ? 'passphrase' : 'key'),
});
