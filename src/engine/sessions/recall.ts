// A long conversation of which a question is answered with the nearest of its episodes: turns are clustered by their words, and the episode of a cluster is
// the whole conversation within the policy's slots, chosen by the turn in the middle of the cluster. An episode is read when a question first asks for it,
// and kept. A chunk of its own.
import { BudgetError, RequestError } from '../../errors.ts';
import { decodeParts } from '../../kv/saved/coding/coded.ts';
import { checkParts, kindsOfParts, restoreParts, saveParts } from '../../kv/saved/saved.ts';
import { type RecallRequest, type Recalled } from '../../protocol.ts';
import { sharedPrefix } from '../run/sequences.ts';
import { isSame, keepAside, marksOf, nameOf } from './by-tokens.ts';
import { cluster } from './cluster.ts';
import { type Composer } from './compose.ts';
import { readEpisode } from './episode.ts';
import { type Placed } from './states.ts';

export async function recall(composer: Composer, id: string, request: RecallRequest): Promise<Recalled> {
  const on = composer.placed();
  checkModel(on);
  const { blocks, query, ...told } = chosenOf(on, inTurns(on, request), request.episodes);
  const tokens = blocks.flat();
  checkLength(on, tokens.length + query.length);
  const name = nameOf('episode', [...tokens, 0xffffffff, ...query], composer.model);
  const recalled = { ...told, tokens: tokens.length };
  if (await bringKept(composer, id, name, tokens)) return { ...recalled, ranTokens: 0 };
  await read(composer, id, blocks, query);
  await keep(composer, id, name, request);
  return { ...recalled, ranTokens: tokens.length };
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
function inTurns({ session, text }: Placed, { conversation: { prompt, tools } }: RecallRequest): Turns {
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
  const begins = messages.flatMap(({ role }, i) => (role === 'user' ? [beginOf(i)] : []));
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
function chosenOf({ model: { home } }: Placed, { prefix, turns, asked }: Turns, count: number) {
  const { plan, room } = home.shape!;
  const most = Math.min(plan.chunk!, room.chunk);
  const parts = turns.flatMap((turn, i) => pieces(turn, most).map((tokens) => ({ turn: i, tokens })));
  const { labels, medoids, nearest } = cluster(parts.map(({ tokens }) => tokens), count);
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

/** Gives `id` an episode that the GPU still has, or that is kept. False for one that has to be read. */
async function bringKept({ between, placed, store, model }: Composer, id: string, name: string, tokens: readonly number[]): Promise<boolean> {
  const isThere = async ({ sequences }: Pick<Placed, 'sequences'>) => isSame(sequences.of(name)?.tokens ?? [], tokens) && (await sequences.fork(name, id));
  if (await between(isThere)) return true;
  const parts = await (await store?.read(name))?.parts();
  if (!parts) return false;
  const { home, sequence } = placed().model;
  try {
    const decoded = await decodeParts(parts, kindsOfParts(home, sequence));
    checkParts(home, decoded, model);
    const isPut = await between(({ sequences, model: { home } }) =>
      sequences.fill(id, tokens.length, (sequence) => restoreParts(home, sequence, decoded, model)));
    if (!isPut) throw noRoom();
    await store!.touch(name, Date.now());
    return true;
  } catch (error) {
    if (error instanceof RequestError) return false; // damaged, or of another plan: it is read again and takes its place
    throw error;
  }
}

const noRoom = (): BudgetError => new BudgetError('Other conversations leave no room for an episode. Close some, or raise kvBudgetBytes.');

async function read({ between, run }: Composer, id: string, blocks: number[][], query: number[]): Promise<void> {
  const { length } = blocks.flat();
  try {
    const isThere = await between(({ sequences }) => sequences.fill(id, length, async (sequence) => void sequence.truncate(0)));
    const sequence = await between(async ({ sequences }) => sequences.of(id));
    if (!isThere || !sequence) throw noRoom();
    await readEpisode({ sequence, run: (tokens) => run([...tokens, tokens.at(-1)!], id) }, blocks, query); // the last one of a prompt is not run
  } catch (error) {
    await between(async ({ sequences }) => sequences.disown(id)); // whose session nobody gets
    throw error;
  }
}

/** In storage; or where there is none in a copy on the GPU, if nobody has to make way for it. */
async function keep({ between, store, model }: Composer, id: string, name: string, request: RecallRequest): Promise<void> {
  const kept = await between(async ({ sequences, model: { home, planned }, info, weights }) => {
    const sequence = sequences.of(id);
    if (!sequence) return undefined;
    const { tokens: { length } } = sequence;
    if (store) return { name, tokens: length, parts: await saveParts(home, sequence, model), kinds: kindsOfParts(home, sequence), info, weights };
    if (sequences.live.length < (planned.chosen.options.sequences ?? 1)) await sequences.fork(id, name);
    return undefined;
  });
  if (kept) await keepAside(store!, 'episode', kept, request);
}
