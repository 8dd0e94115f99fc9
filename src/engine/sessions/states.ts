// The states of conversations that have an owner: copied, freed, kept and brought back, between the steps of answers. A chunk of its own:
// most pages have no such conversations.
import { BudgetError, RequestError } from '../../errors.ts';
import { decodeParts, timeDecoding } from '../../kv/saved/coding/coded.ts';
import { checkHeader, checkParts, kindsOfParts, restoreParts, saveParts } from '../../kv/saved/saved.ts';
import { headerOf } from '../../kv/saved/snapshot.ts';
import { cachesOf } from '../../kv/segment.ts';
import { type GateActivation, type KeptSession, type ModelInfo, type SessionStates } from '../../protocol.ts';
import { type OpenedAdapter } from '../load/adapters.ts';
import { adapting } from '../load/opened.ts';
import { type BringCosts, type BringSeconds, bringSeconds, soonest } from '../measure/load-or-run.ts';
import { type Text } from '../load/opened.ts';
import { type Running, type Session } from '../run/session.ts';
import { type WeightsReader } from '../../weights/store/reader.ts';
import { type Composer } from './compose.ts';
import { type KeptState, type KeptStore, keepParts, listKept, readKept } from './kept.ts';

/** A loaded model as far as states are concerned. */
export interface Placed extends Running {
  readonly weights: { readonly id: string; readonly reader: Pick<WeightsReader, 'hostTensor'> };
  readonly session: Pick<Session, 'encode'>;
  readonly text?: Text;
  readonly opened: { readonly adapters?: readonly OpenedAdapter[]; readonly activation?: GateActivation };
  readonly info: Pick<ModelInfo, 'name' | 'adapters'>;
}

/** What an engine does for states that is not theirs. */
export interface Around {
  /** What bringing a state back costs, as far as it was measured before. */
  costs(): Promise<Pick<BringCosts, 'store' | 'perUploadedByte' | 'prefillTokensPerSecond'> | undefined>;
  /** Does work that is not done twice at once, after what came before. */
  oneByOne<T>(work: () => Promise<T>): Promise<T>;
  /** Runs tokens, whose state is then the owner's; where `signal` ends it, as many as were run till then. */
  run(tokens: number[], owner: string): Promise<void>;
  /** Ends what is put together of documents, or recalled. */
  readonly signal?: AbortSignal;
}

/** `placed` throws where nothing is loaded; `store` is undefined where nothing can be kept. */
export function createSessionStates(placed: () => Placed, store: KeptStore | undefined, around: Around): SessionStates {
  const needStore = (): KeptStore => {
    if (store) return store;
    throw new RequestError('States of conversations are not kept here: there is no storage for them.');
  };
  const between = <T>(work: (on: Placed) => Promise<T>): Promise<T> => {
    const on = placed();
    return on.scheduler.between(() => work(on));
  };
  const composer = async (): Promise<Composer> => ({ placed, between, store, model: await idOf(placed()), run: around.run, signal: around.signal });
  return {
    fork: (id, to) => between(async ({ sequences }) => void (await orNone(sequences.fork(id, to)))),
    close: (id) => between(async ({ sequences }) => sequences.disown(id)),
    async save(id, name, about, mostBytes, compact) {
      const into = needStore();
      const found = await between(async (on) => {
        const { sequences, model } = on;
        const sequence = sequences.of(id);
        if (!sequence?.tokens.length) return undefined;
        const { tokens: { length }, memory } = sequence;
        const tokens = memory ? memory.source(length)?.length : length; // a state that cannot be cut is saved as it was last kept
        if (!tokens) return undefined;
        const parts = await saveParts(model.home, sequence, await idOf(on));
        const kinds = kindsOfParts(model.home, sequence);
        return { saved: { parts, kinds }, of: { ...ofModel(on), tokens } };
      });
      if (!found) return undefined;
      return keepParts(into, { name, ...found.of, about }, found.saved, { mostBytes, compact });
    },
    async load(name, id) {
      const read = await readKept(needStore(), name, Date.now());
      const { kept, first } = read;
      const on = placed();
      checkRoom(kept, on);
      checkAdapters(kept, on);
      checkHeader(on.model.home, first, await idOf(on));
      const seconds = await secondsOf(read, on, await around.costs());
      const by = seconds && isAsRun(first, on) ? soonest(seconds) : 'state';
      const told = { about: kept.about, by, ...(seconds && { seconds }) };
      if (by === 'prompt') {
        const { tokens } = headerOf(first);
        await around.run(tokens, id);
        return { ...told, tokens: tokens.length };
      }
      const parts = await decodeParts(await read.parts(), kindsOfParts(on.model.home, on.model.sequence));
      return between(async (on) => { // which may be another one by now
        const { sequences, model } = on;
        const of = await idOf(on);
        checkParts(model.home, parts, of); // before others give way to it
        const put = sequences.fill(id, kept.tokens, (sequence) => restoreParts(model.home, sequence, parts, of));
        return { ...told, tokens: (await orNone(put)) ? kept.tokens : 0 };
      });
    },
    async compose(id, request) {
      const { compose } = await import('./compose.ts');
      return around.oneByOne(async () => compose(await composer(), id, request));
    },
    async recall(id, request) {
      const { recall } = await import('./recall.ts');
      return around.oneByOne(async () => recall(await composer(), id, request));
    },
    list: () => listKept(needStore()),
    remove: (name) => needStore().remove(name),
  };
}

type OfModel = Pick<KeptSession, 'model' | 'modelName' | 'adapters'>;

/** What is told of the model that a state is of. */
export const ofModel = ({ weights: { id }, info: { name, adapters } }: Pick<Placed, 'weights' | 'info'>): OfModel =>
  ({ model: id, modelName: name, ...(adapters && { adapters }) });

function checkRoom({ tokens }: KeptSession, { model: { sizes: { context } } }: Placed): void {
  if (tokens < context) return;
  throw new RequestError(`The saved conversation has ${tokens} tokens; the context has room for ${context}. Load the model with a longer one.`, {
    code: 'context_length_exceeded',
  });
}

/** Whether running its tokens gives what was kept: not of parts that have not seen each other, nor where a policy drops, or chooses by prompts. */
function isAsRun(first: Uint8Array, { model: { home: { shape } } }: Placed): boolean {
  if (headerOf(first).approximate) return false;
  if (!shape) return true;
  const { rewinds, layers } = shape.plan;
  return rewinds !== undefined && layers.flat().every(({ pick }) => !pick || pick.by === 'none');
}

/** What both ways of bringing a conversation back are expected to take; undefined where nothing was measured. */
async function secondsOf(
  { kept, first }: Pick<KeptState, 'kept' | 'first'>, { model: { home } }: Placed, costs: Awaited<ReturnType<Around['costs']>>,
): Promise<BringSeconds | undefined> {
  if (!costs) return undefined;
  const { layers, coding } = headerOf(first);
  const decoded = (coding?.parts ?? []).map((part) => part?.bytes ?? 0);
  const codedBytes = decoded.reduce((sum, bytes) => sum + bytes, 0);
  const perCodedByte = codedBytes ? await timeDecoding({ format: home.format, ...cachesOf(home.config)[0] }) : 0;
  const stateBytes = layers.reduce((sum, bytes, i) => sum + (decoded[i] || bytes), 0);
  const size = { tokens: kept.tokens, storedBytes: kept.byteLength, reads: 1 + layers.length, codedBytes, stateBytes };
  return bringSeconds(size, { ...costs, perCodedByte });
}

/** Of what states are: of the weights, the activation that was asked for, and the adapters that were added to them. */
async function idOf({ weights, opened: { adapters, activation } }: Placed): Promise<string> {
  const id = activation ? `${weights.id}|${activation}` : weights.id;
  return adapters ? (await adapting()).idWithAdapters(id, adapters) : id;
}

/** In words what `idOf` cannot tell: which adapters are missing. RequestError where there are others than those it was saved with. */
function checkAdapters({ model, modelName, adapters }: KeptSession, { weights, info }: Placed): void {
  const [saved, here] = [adapters, info.adapters].map((all = []) => all.map(({ name, scale }) => `${name} (scale ${scale})`).join(', '));
  if (model !== weights.id || saved === here) return;
  throw new RequestError(
    `The saved conversation is of another model: of ${modelName} ${saved ? `with ${saved}` : 'without adapters'}; here it has ${here || 'no adapters'}. ` +
    `Load the model ${saved ? 'with those' : 'without any'}, or run the conversation again from its text.`,
  );
}

/** False where the GPU has no room: what is not there is made anew by its tokens. */
const orNone = (put: Promise<boolean>): Promise<boolean> =>
  put.catch((error: unknown) => {
    if (error instanceof BudgetError) return false;
    throw error;
  });
