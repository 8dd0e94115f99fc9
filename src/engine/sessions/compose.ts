// Conversations that are put together of documents: each is run once by itself behind the same beginning, and kept by what it says. A chunk of its own.
import { BudgetError, RequestError } from '../../errors.ts';
import { type Asked, askedOf, mostAsked } from '../../kv/policies/documents.ts';
import { decodeParts, inSlices } from '../../kv/saved/coding/coded.ts';
import { type KeyTurn, keyTurn } from '../../kv/saved/composed.ts';
import { type SavedDocument, putComposed, tokensOf } from '../../kv/saved/put-composed.ts';
import { kindsOfPlain, savePlain, unpackPlain } from '../../kv/saved/saved.ts';
import { cachesOf } from '../../kv/segment.ts';
import { type Sequence } from '../../kv/sequence.ts';
import { opsOf } from '../../model/operations.ts';
import { isAttend } from '../../model/ops/attend.ts';
import { isRope } from '../../model/ops/rope.ts';
import { factorsOf } from '../../model/rope.ts';
import { type ComposeRequest, type Composed } from '../../protocol.ts';
import { asWritten } from '../run/answer/as-written.ts';
import { mostPaid, repair } from '../run/repair.ts';
import { sharedPrefix } from '../run/sequences.ts';
import { isSame, keepAside, marksOf, nameOf } from './by-tokens.ts';
import { type KeptStore } from './kept.ts';
import { type Around, type Placed } from './states.ts';

export interface Composer extends Pick<Around, 'run' | 'signal'> {
  placed(): Placed;
  between<T>(work: (on: Placed) => Promise<T>): Promise<T>;
  store?: KeptStore;
  /** Id of the model with its adapters. */
  model: string;
}

export async function compose(composer: Composer, id: string, request: ComposeRequest): Promise<Composed> {
  const { placed, between, signal } = composer;
  signal?.throwIfAborted();
  const on = placed();
  checkModel(on, request);
  const { prefix, documents, question } = inTokens(on, request);
  checkLengths(on, [prefix, ...documents], question);
  const saved: SavedDocument[] = [];
  let ranTokens = 0;
  for (const document of documents) {
    const found = await findDocument(composer, [...prefix, ...document]);
    saved.push(found ?? (await runDocument(composer, [...prefix, ...document], request)));
    if (!found) ranTokens += prefix.length + document.length;
  }
  const parts = { documents: saved, prefix: prefix.length };
  const tokens = tokensOf(parts);
  const turns = await turnsOf(on);
  const put = await between(({ sequences, model: { home } }) => sequences.fill(id, tokens.length, (sequence) =>
    putComposed(home, sequence, { ...parts, mode: request.mode, turns, pause: inSlices() })));
  if (!put) throw new BudgetError(`Other conversations leave no room for the ${tokens.length} tokens of the documents. Close some, or compose fewer.`);
  try {
    signal?.throwIfAborted();
    const repairedTokens = request.repair ? await repairFor(composer, id, tokens, { question, share: request.repair.share }) : 0;
    return { tokens: tokens.length, ranTokens, repairedTokens };
  } catch (error) {
    await between(async ({ sequences }) => sequences.disown(id)); // whose session nobody gets
    throw error;
  }
}

/** Whether a question is looked at, and not all is run again in any case. */
const asksWhere = (repair: ComposeRequest['repair']): repair is NonNullable<typeof repair> => repair !== undefined && repair.share < 1;

/** RequestError for a model whose keys and values cannot be put together so. */
function checkModel({ model: { graph, home, planned } }: Placed, { mode, repair: asked }: ComposeRequest): void {
  const { shape } = home;
  const policy = shape?.policy.name;
  if (policy !== undefined && policy !== 'documents')
    throw new RequestError(`Documents cannot be put together under kv ${policy}. Load the model with documents, or with a format alone, such as f16.`);
  const needed = mode === 'ape' ? 'Documents beside each other (mode ape)' : asksWhere(asked) ? 'What a question looks at (repair)' : undefined;
  if (needed && !policy) throw new RequestError(`${needed} needs a model that was loaded with kv: 'documents'.`);
  const { sequences = 1 } = planned.chosen.options;
  if (asksWhere(asked) && sequences < 2)
    throw new RequestError(
      'What a question looks at (repair) is found on a copy of the documents: that needs room for 2 conversations, and the model was loaded with ' +
      `${sequences}. Load it with sequences: 2, or have all run again (share: 1).`,
    );
  const ops = opsOf(graph);
  const caches = cachesOf(home.config);
  const readsOthers = caches.some((_, layer) => !ops.some((op) => isAttend(op) && op.layer === layer));
  if (Object.keys(home.states ?? {}).length || readsOthers)
    throw new RequestError('This model keeps a state, or keys of another kind, that cannot be put together of parts. Run the documents as one text.');
  if (mode === 'ape' && caches.some((_, layer) => !shape!.isShaped(layer)))
    throw new RequestError('This model has layers with a sliding window, in which documents cannot lie beside each other (mode ape). Use mode stacked.');
}

interface InTokens {
  prefix: number[];
  documents: number[][];
  /** What is looked at of a question, empty where it need not be known. */
  question: number[];
}

/** The tokens of the beginning and of each document, as the conversation's prompt will have them. */
function inTokens({ session, text }: Placed, { beginning, whole, documents, repair: asked }: ComposeRequest): InTokens {
  if (!text) throw new RequestError('The file has no tokenizer, so texts cannot be put together.');
  const { tokenizer } = text;
  const [alone, all] = [beginning, whole].map(({ prompt, tools }) => session.encode(prompt, tools));
  const marks = marksOf(tokenizer);
  const same = sharedPrefix(alone, all);
  const end = alone.findIndex((token, at) => at >= same && marks.has(token));
  const prefix = alone.slice(0, end < 0 ? same : end);
  const inside = (part: string) => tokenizer.encode(part, { continues: true, parseSpecial: () => false });
  const cut = documents.map(inside);
  const run = [...prefix, ...cut.flat()];
  if (sharedPrefix(asWritten(all, run, tokenizer), run) < run.length)
    throw new RequestError(
      "The model's chat template writes something else behind the prefix than the documents, or changes white space there. Let the prefix end with a " +
      'word, and the documents begin with white space.',
    );
  return { prefix, documents: cut, question: asksWhere(asked) ? inside(asked.question).slice(-mostAsked) : [] };
}

function checkLengths({ model: { sizes: { context } } }: Placed, parts: readonly (readonly number[])[], { length: asked }: readonly number[]): void {
  const all = parts.reduce((sum, { length }) => sum + length, 0);
  if (all + asked + 1 < context) return;
  throw new RequestError(
    `The prefix and the documents have ${all} tokens${asked ? `, the question of repair ${asked}` : ''}; the context has room for ${context}, a question ` +
    'among them.',
    { code: 'context_length_exceeded' },
  );
}

/** A document that the GPU still has, or that is kept; undefined for one that has to be run. */
async function findDocument({ placed, between, store, model }: Composer, tokens: readonly number[]): Promise<SavedDocument | undefined> {
  const name = nameOf('document', tokens, model);
  const there = await between(async ({ sequences, model: { home } }) => {
    const sequence = sequences.of(name);
    return sequence && isSame(sequence.tokens, tokens) ? unpackPlain(home, await savePlain(home, sequence, model), model) : undefined;
  });
  if (there) return there;
  try {
    const read = await store?.read(name);
    const parts = await read?.parts();
    if (!parts) return undefined;
    const { home, sequence } = placed().model;
    const snapshot = unpackPlain(home, await decodeParts(parts, kindsOfPlain(home, sequence)), model);
    if (!isSame(snapshot.tokens, tokens) || snapshot.approximate) return undefined;
    await store!.touch(name, Date.now());
    return snapshot;
  } catch (error) {
    if (error instanceof RequestError) return undefined; // damaged, or in another format of keys and values: it is run again and takes its place
    throw error;
  }
}

async function runDocument(composer: Composer, tokens: number[], { mostBytes, compact }: ComposeRequest): Promise<SavedDocument> {
  const { between, store, model } = composer;
  const name = nameOf('document', tokens, model);
  await runWhole(composer, tokens, name);
  const { snapshot, ...aside } = await between(async ({ sequences, model: { home }, info, weights }) => {
    const sequence = sequences.of(name);
    if (!sequence) throw new BudgetError(`There is no room for a document of ${tokens.length} tokens beside other conversations. Close some.`);
    const parts = await savePlain(home, sequence, model);
    if (store) sequences.disown(name); // else it stays on the GPU as long as there is room
    return { parts, kinds: kindsOfPlain(home, sequence), info, weights, snapshot: unpackPlain(home, parts, model) };
  });
  if (store) await keepAside(store, 'document', { name, tokens: tokens.length, ...aside }, { mostBytes, compact });
  return snapshot;
}

/** Runs a document to its end, or leaves nothing of it. */
async function runWhole({ between, run, signal }: Composer, tokens: number[], name: string): Promise<void> {
  try {
    await run([...tokens, tokens.at(-1)!], name); // the last one of a prompt is not run
    signal?.throwIfAborted();
  } catch (error) {
    await between(async ({ sequences }) => sequences.disown(name));
    throw error;
  }
}

/** How positions turn the keys of each cache. */
const turnsOf = ({ model: { graph, home }, weights: { reader } }: Placed): Promise<(KeyTurn | undefined)[]> =>
  Promise.all(cachesOf(home.config).map(async (_, layer) => {
    const index = opsOf(graph).filter(isRope).find((op) => op.layer === layer && !op.queriesOnly)?.rope;
    if (index === undefined) return undefined;
    const rope = graph.ropes[index];
    const factors = factorsOf(rope, home.context);
    return keyTurn(rope, factors === undefined ? undefined : await reader.hostTensor(factors));
  }));

/** Runs again what the question looks at; how many tokens. */
async function repairFor(
  composer: Composer, id: string, tokens: number[], { question, share }: { question: readonly number[]; share: number },
): Promise<number> {
  const { between, signal } = composer;
  const chosen = share < 1 ? mostPaid(await paidBy(composer, id, tokens, question), share) : [...tokens.keys()];
  await between(async ({ runner, sequences }) => {
    const sequence = sequences.of(id);
    if (!sequence) throw new BudgetError('The documents gave way to other conversations before they were repaired. Close some.');
    await repair(runner.of(sequence), sequence, chosen, signal);
  });
  return chosen.length;
}

/** What the last tokens of a question pay to each token, by running it on a copy. */
async function paidBy({ between, run, signal }: Composer, id: string, tokens: number[], question: readonly number[]): Promise<Float64Array> {
  const copy = `${id} asked`;
  let of: Sequence | undefined;
  try {
    of = await between(async ({ sequences }) => ((await sequences.fork(id, copy)) ? sequences.of(copy) : undefined));
    if (!of)
      throw new BudgetError(`There is no room for a copy of the documents' ${tokens.length} tokens, which the question is tried on. Close some conversations.`);
    const asked: Asked = { length: tokens.length + question.length, queries: question.length };
    askedOf.set(of, asked);
    await run([...tokens, ...question, question.at(-1)!], copy);
    signal?.throwIfAborted();
    if (asked.paid) return asked.paid.subarray(0, tokens.length);
    throw new RequestError('The question was not run on the documents: the model was loaded anew, or they gave way to others. Compose them again.');
  } finally {
    if (of) askedOf.delete(of); // which may be the one that stays
    await between(async ({ sequences }) => sequences.disown(copy));
  }
}
