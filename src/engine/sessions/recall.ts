// A long conversation of which a question is answered with the nearest of its episodes: turns are clustered by their words, and the episode of a cluster is
// the whole conversation within the policy's slots, chosen by the turn in the middle of the cluster. An episode is read when a question first asks for it,
// and kept. A chunk of its own.
import { BudgetError, RequestError } from '../../errors.ts';
import { decodeParts, inSlices } from '../../kv/saved/coding/coded.ts';
import { type Pause } from '../../kv/saved/coding/pages.ts';
import { checkParts, kindsOfParts, restoreParts, saveParts } from '../../kv/saved/saved.ts';
import { headerOf } from '../../kv/saved/snapshot.ts';
import { type RecallRequest, type Recalled } from '../../protocol.ts';
import { type Sequence } from '../../kv/sequence.ts';
import { untilAborted } from '../../signals.ts';
import { type Sequences, sharedPrefix } from '../run/sequences.ts';
import { isSame, keepAside, marksOf, nameOf, toldOf } from './by-tokens.ts';
import { cluster } from './cluster.ts';
import { type Composer } from './compose.ts';
import { type Reading, gaveWay, readEpisode } from './episode.ts';
import { type Kept } from './kept.ts';
import { type Placed } from './states.ts';

/** What tells an episode of a model from others: names are sums of it, and others may have the same. */
interface Episode {
  name: string;
  /** Of the conversation. */
  tokens: readonly number[];
  query: readonly number[];
}

export async function recall(composer: Composer, id: string, request: RecallRequest): Promise<Recalled> {
  const { signal, model, between } = composer;
  signal?.throwIfAborted();
  const on = composer.placed();
  checkModel(on);
  const rest = inSlices();
  const pause = async () => {
    await rest();
    signal?.throwIfAborted();
  };
  const { blocks, query, ...told } = await chosenOf(on, await inTurns(on, request, pause), request.episodes, pause);
  const tokens = blocks.flat();
  checkLength(on, tokens.length + query.length);
  const episode = { name: nameOf('episode', [...tokens, 0xffffffff, ...query], model), tokens, query };
  try {
    const isKept = await bringKept(composer, id, episode);
    if (!isKept) {
      const give = await read(composer, id, blocks, query);
      await keep(composer, id, episode, request).finally(give);
    }
    signal?.throwIfAborted();
    return { ...told, tokens: tokens.length, ranTokens: isKept ? 0 : tokens.length };
  } catch (error) {
    await between(async ({ sequences }) => sequences.disown(id)); // whose session nobody gets
    throw error;
  }
}

/** RequestError for a model whose conversations cannot be read in episodes. */
function checkModel({ model: { home } }: Placed): void {
  const kv = home.shape?.policy.name;
  if (kv !== 'epicache') throw new RequestError(`Episodes need a model that was loaded with kv: 'epicache'; this one has ${kv ?? home.format.name}.`);
  if (Object.keys(home.states ?? {}).length)
    throw new RequestError('This model keeps a state beside keys and values, from which no query can be taken back. Go on from the whole conversation.');
}

interface Turns {
  /** What all begins with, each turn, and what is asked, in tokens. */
  prefix: number[];
  turns: number[][];
  asked: number[];
}

/** Tokens at most that a chat template writes before what somebody says, from a mark on. */
const longestHead = 8;

/** A turn is what somebody says, up to what he says next. */
async function inTurns({ session, text }: Placed, { conversation: { prompt, tools } }: RecallRequest, pause: Pause): Promise<Turns> {
  if (!text) throw new RequestError('The file has no tokenizer, so texts cannot be recalled.');
  if (!('messages' in prompt)) throw new RequestError('What is to be recalled is no conversation. Give messages.');
  const { messages } = prompt;
  const all = session.encode(prompt, tools);
  const marks = marksOf(text.tokenizer);
  const beginOf = (message: number) => {
    const same = sharedPrefix(session.encode({ ...prompt, messages: [...messages.slice(0, message), { role: 'user', content: '' }] }, tools), all);
    const mark = all.findLastIndex((token, at) => at < same && marks.has(token)); // that the message begins with, if it is not that of another
    return mark < same - longestHead ? same : mark;
  };
  const begins: number[] = [];
  for (const [i, { role }] of messages.entries()) {
    if (role === 'user') begins.push(beginOf(i));
    await pause();
  }
  const last = begins.at(-1)!; // of the question
  if (begins.some((at, i) => at <= (begins[i - 1] ?? -1)))
    throw new RequestError("The model's chat template writes earlier turns otherwise when others follow, so that a turn has no place of its own.");
  return { prefix: all.slice(0, begins[0]), turns: begins.slice(0, -1).map((at, i) => all.slice(at, begins[i + 1])), asked: all.slice(last) };
}

/** Pieces of a text of equal lengths, `most` tokens at most. */
function pieces(tokens: readonly number[], most: number): number[][] {
  const count = Math.ceil(tokens.length / most);
  const each = Math.ceil(tokens.length / count);
  return Array.from({ length: count }, (_, i) => tokens.slice(i * each, (i + 1) * each));
}

/** The episode that is nearest to what is asked: what is run for it, and what is told of it. */
async function chosenOf({ model: { home } }: Placed, { prefix, turns, asked }: Turns, count: number, pause: Pause) {
  const { plan, room } = home.shape!;
  const most = Math.min(plan.chunk!, room.chunk);
  const parts = turns.flatMap((turn, i) => pieces(turn, most).map((tokens) => ({ turn: i, tokens })));
  const { labels, medoids, nearest } = await cluster(parts.map(({ tokens }) => tokens), count, pause);
  const episode = nearest(asked);
  const [first, ...others] = parts.map(({ tokens }) => tokens);
  const begin = prefix.length + first.length <= most ? [[...prefix, ...first]] : [...pieces(prefix, most), first];
  return {
    blocks: [...begin, ...others], query: parts[medoids[episode]].tokens.slice(-plan.window), episode, episodes: medoids.length,
    turns: [...new Set(parts.flatMap(({ turn }, i) => (labels[i] === episode ? [turn] : [])))],
  };
}

function checkLength({ model: { sizes: { context } } }: Placed, length: number): void {
  if (length + 1 < context) return;
  throw new RequestError(
    `The conversation and a part of it that stands for an episode have ${length} tokens; the context has room for ${context}, a question among them. ` +
    'Load the model with a longer one: an episode takes no more room for it.',
    { code: 'context_length_exceeded' },
  );
}

/** Whose the copy of an episode on the GPU is. */
const ownerOf = ({ name, query }: Episode): string => `${name} ${query.join(' ')}`;

/** What is told of an episode that is kept: by what it was read, and a sum of the conversation's tokens. */
const toldOfEpisode = ({ tokens, query }: Pick<Episode, 'tokens' | 'query'>, model: string) => ({ query, of: nameOf('episode', tokens, model) });

/** Gives `id` an episode that the GPU still has, or that is kept. False for one that has to be read. */
async function bringKept(composer: Composer, id: string, episode: Episode): Promise<boolean> {
  const { between, placed, store, model } = composer;
  const { name, tokens, query } = episode;
  const owner = ownerOf(episode);
  const isThere = async ({ sequences }: Pick<Placed, 'sequences'>) => isSame(sequences.of(owner)?.tokens ?? [], tokens) && (await sequences.fork(owner, id));
  if (await between(isThere)) return true;
  try {
    const found = await store?.read(name);
    const by = found && toldOf(found.kept).query;
    const parts = Array.isArray(by) && isSame(by as number[], query) ? await found!.parts() : undefined;
    if (!parts) return false;
    const { home, sequence } = placed().model;
    if (!isSame(headerOf(parts[0]).tokens, tokens)) return false;
    const decoded = await decodeParts(parts, kindsOfParts(home, sequence));
    checkParts(home, decoded, model);
    await whenRoom(composer, undefined, ({ sequences, model: { home } }) =>
      sequences.fill(id, tokens.length, (sequence) => restoreParts(home, sequence, decoded, model)));
    await store!.touch(name, Date.now());
    return true;
  } catch (error) {
    if (error instanceof RequestError) return false; // damaged, or of another plan: it is read again and takes its place
    throw error;
  }
}

const noRoom = (): BudgetError => new BudgetError('Other conversations leave no room for an episode. Close some, or raise kvBudgetBytes.');

/** Does `work` between two turns, once more whenever one of those ends that leave it no room. BudgetError where nobody else is left. */
async function whenRoom({ between, signal }: Composer, own: Sequence | undefined, work: (on: Placed) => Promise<boolean>): Promise<void> {
  const tryIn = () => between(async (on) => {
    signal?.throwIfAborted();
    if (await work(on)) return undefined;
    if (!on.sequences.othersUse(own)) throw noRoom();
    return { given: on.sequences.whenGiven() };
  });
  for (let refused; (refused = await tryIn()); ) await untilAborted(refused.given, signal);
}

/** Holds the sequence from then on, so that requests that have no room beside it wait until what it gives is called. */
async function read(composer: Composer, id: string, blocks: number[][], query: number[]): Promise<() => void> {
  const { length } = blocks.flat();
  const on: { sequence?: Sequence; sequences?: Sequences<Sequence> } = {};
  await whenRoom(composer, undefined, async ({ sequences }) => {
    if (!(await sequences.fill(id, length, async (empty) => void empty.truncate(0)))) return false;
    const sequence = sequences.of(id)!;
    if (sequences.hold(sequence)) Object.assign(on, { sequence, sequences });
    return true;
  });
  const { sequence, sequences: holding } = on;
  if (!sequence) throw gaveWay();
  const inTurn: Reading['inTurn'] = (most, work) => whenRoom(composer, sequence, async ({ sequences, runner }) => {
    if (sequences.of(id) !== sequence) throw gaveWay();
    if (!sequences.makeRoom(sequence, most) && sequences.othersUse(sequence)) return false; // those that answer leave too little
    await work(runner.of(sequence));
    return true;
  });
  try {
    await readEpisode({ sequence, inTurn, signal: composer.signal }, blocks, query);
  } catch (error) {
    holding!.give(sequence);
    throw error;
  }
  return () => holding!.give(sequence);
}

/** In storage, where earlier episodes of the same conversation go; or where there is none in a copy on the GPU, if nobody has to make way for it. */
async function keep({ between, store, model }: Composer, id: string, episode: Episode, request: RecallRequest): Promise<void> {
  const { name } = episode;
  const kept = await between(async ({ sequences, model: { home, planned }, info, weights }) => {
    const sequence = sequences.of(id);
    if (!sequence) return undefined;
    const { tokens: { length } } = sequence;
    if (store) return { name, tokens: length, parts: await saveParts(home, sequence, model), kinds: kindsOfParts(home, sequence), info, weights };
    if (sequences.live.length < (planned.chosen.options.sequences ?? 1)) await sequences.fork(id, ownerOf(episode));
    return undefined;
  });
  if (!kept) return;
  const takesPlaceOf = (other: Kept): boolean => isEarlier(other, episode, model);
  await keepAside(store!, 'episode', { ...kept, told: toldOfEpisode(episode, model), takesPlaceOf }, request);
}

/** Whether the conversation began as an episode that is kept: no question is answered by that any more. */
const isEarlier = (other: Kept, { tokens }: Episode, model: string): boolean =>
  other.tokens < tokens.length && toldOf(other).of === nameOf('episode', tokens.slice(0, other.tokens), model);
