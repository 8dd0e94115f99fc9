// The states of conversations that have an owner: copied, freed, kept and brought back, between the steps of answers. A chunk of its own:
// most pages have no such conversations.
import { BudgetError, RequestError } from '../../errors.ts';
import { checkParts, restoreParts, saveParts } from '../../kv/saved/saved.ts';
import { type KeptSession, type ModelInfo, type SessionStates } from '../../protocol.ts';
import { type OpenedAdapter } from '../load/adapters.ts';
import { adapting } from '../load/opened.ts';
import { type Running } from '../run/session.ts';
import { type KeptStore, keep, listKept, readKept } from './kept.ts';

/** A loaded model as far as states are concerned. */
interface Placed extends Running {
  readonly weights: { readonly id: string };
  readonly opened: { readonly adapters?: readonly OpenedAdapter[] };
  readonly info: Pick<ModelInfo, 'name' | 'adapters'>;
}

/** `placed` throws where nothing is loaded; `store` is undefined where nothing can be kept. */
export function createSessionStates(placed: () => Placed, store: KeptStore | undefined): SessionStates {
  const needStore = (): KeptStore => {
    if (store) return store;
    throw new RequestError('States of conversations are not kept here: there is no storage for them.');
  };
  const between = <T>(work: (on: Placed) => Promise<T>): Promise<T> => {
    const on = placed();
    return on.scheduler.between(() => work(on));
  };
  return {
    fork: (id, to) => between(async ({ sequences }) => void (await orNone(sequences.fork(id, to)))),
    close: (id) => between(async ({ sequences }) => sequences.disown(id)),
    async save(id, name, about, mostBytes = Infinity) {
      const into = needStore();
      const saved = await between(async (on) => {
        const { sequences, model, info } = on;
        const sequence = sequences.of(id);
        if (!sequence?.tokens.length) return undefined;
        const { tokens: { length }, memory } = sequence;
        const tokens = memory ? memory.source(length)?.length : length; // a state that cannot be cut is saved as it was last kept
        if (!tokens) return undefined;
        const parts = await saveParts(model.home, sequence, await idOf(on));
        return { parts, model: on.weights.id, modelName: info.name, ...(info.adapters && { adapters: info.adapters }), tokens };
      });
      if (!saved) return undefined;
      const { parts, ...of } = saved;
      const kept: KeptSession = { name, ...of, byteLength: parts.reduce((sum, { byteLength }) => sum + byteLength, 0), lastUsed: Date.now() };
      await keep(into, { ...kept, about }, parts, mostBytes);
      return kept;
    },
    async load(name, id) {
      const { kept, parts } = await readKept(needStore(), name, Date.now());
      return between(async (on) => {
        const { sequences, model } = on;
        const { context } = model.sizes;
        if (kept.tokens >= context)
          throw new RequestError(`The saved conversation has ${kept.tokens} tokens; the context has room for ${context}. Load the model with a longer one.`, {
            code: 'context_length_exceeded',
          });
        checkAdapters(kept, on);
        const of = await idOf(on);
        checkParts(model.home, parts, of); // before others give way to it
        const put = sequences.fill(id, kept.tokens, (sequence) => restoreParts(model.home, sequence, parts, of));
        return { about: kept.about, tokens: (await orNone(put)) ? kept.tokens : 0 };
      });
    },
    list: () => listKept(needStore()),
    remove: (name) => needStore().remove(name),
  };
}

/** Of what states are: of the weights, and of the adapters that were added to them. */
const idOf = async ({ weights: { id }, opened: { adapters } }: Placed): Promise<string> => (adapters ? (await adapting()).idWithAdapters(id, adapters) : id);

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
