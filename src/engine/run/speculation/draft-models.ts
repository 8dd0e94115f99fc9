// The drafters of a placed model that are models themselves.
import { createSequence } from '../../../kv/sequence.ts';
import { cachesOf, positionBytes } from '../../../kv/segment.ts';
import { type LoadedModel } from '../../load/load.ts';
import { nameOf } from '../../load/opened.ts';
import { type Runner } from '../runner.ts';
import { draftOfModel } from './drafts/of-model.ts';
import { createShortened } from './drafts/short-context.ts';
import { type MakeDrafter } from './speculate.ts';

/** A byte of weights that passes through the GPU for a token takes so much longer than one that is there. */
const streamedByte = 8;

/** Bytes that a token reads of a text of so many tokens, as what bounds its time: weights, keys and values. */
function readBytes({ plan: { keptBytes, streamedBytes }, graph: { config }, kv }: LoadedModel, tokens: number): number {
  return keptBytes + streamedByte * streamedBytes + tokens * cachesOf(config).reduce((sum, heads) => sum + positionBytes(heads, kv), 0);
}

/** The likeliest token each time, whatever the answer asks: what is drawn is drawn by the model that checks. */
const greedily = ({ samplerFor }: LoadedModel) => () => samplerFor({ seed: 0 });

/** The same weights over a shortened text, in a sequence that is planned for beside those of conversations. */
function shortContextOf(model: LoadedModel, runner: Runner, room: number): MakeDrafter {
  return (worth, times, now) => draftOfModel({
    name: 'the model from a shortened text', worth, times, now, runner,
    vocab: model.graph.config.vocab,
    sequence: createSequence({ ...model.home, context: room, makeWay: undefined }),
    sampler: greedily(model),
    textFor: createShortened(room),
    assumedShare: (tokens) => readBytes(model, room) / readBytes(model, tokens),
  });
}

/** Another model of the same vocabulary, over all of a text. */
function anotherOf(model: LoadedModel, draft: LoadedModel, runner: Runner): MakeDrafter {
  const { context } = draft.sizes;
  const [vocab, known] = [model, draft].map(({ graph: { config } }) => config.vocab);
  const canRead = (tokens: readonly number[]) => known >= vocab || tokens.every((id) => id < known);
  return (worth, times, now) => draftOfModel({
    name: `the draft model ${nameOf(draft.header, 'that was given')}`, worth, times, now, vocab, runner,
    sequence: draft.sequence,
    sampler: greedily(draft),
    textFor: (tokens, most) => (tokens.length + most <= context && canRead(tokens) ? tokens : undefined),
    assumedShare: (tokens) => readBytes(draft, tokens) / readBytes(model, tokens),
  });
}

/** `runnerOf`: runs a model other than the one that is checked by. */
export function draftModels(model: LoadedModel, runner: Runner, runnerOf: (model: LoadedModel) => Runner): MakeDrafter[] {
  const { draft, planned: { chosen: { options: { speculation: { shortContext } = {} } } } } = model;
  return [
    ...(draft ? [anotherOf(model, draft, runnerOf(draft))] : []),
    ...(shortContext === undefined ? [] : [shortContextOf(model, runner, shortContext)]),
  ];
}
