// A second model that guesses for a loaded one: found, and checked to have the same vocabulary. A chunk of its own: most models are loaded without one.
import { RequestError } from '../../errors.ts';
import { getStrings } from '../../gguf/metadata.ts';
import { type ByteSource } from '../../gguf/source.ts';
import { hasState } from '../../model/operations.ts';
import { type ModelSource } from '../../protocol.ts';
import { type Host } from '../engine.ts';
import { type OpenedDraft } from './draft.ts';
import { findModel } from './found.ts';
import { type OpenedModel, nameOf, openAs } from './opened.ts';
import { type EngineOptions } from './options.ts';

/** Finds it, as `draftOptions` has it, and reads its header. RequestError where it cannot draft for `target`. */
export async function openDraft(
  host: Pick<Host, 'store'>, source: ModelSource | ByteSource, options: EngineOptions, target: OpenedModel,
): Promise<OpenedDraft> {
  const found = await findModel(source, options, host.store);
  const opened = await openAs(found.files.header, found.manifest ?? found.kept, options);
  const name = nameOf(opened.header, found.files.source.name);
  if (hasState(opened.graph))
    throw new RequestError(`The draft model ${name} has a recurrent state, which cannot be set back where a guess was wrong. Choose one without.`);
  checkVocabulary(target.header.metadata, opened.header.metadata, name);
  return { name, found, opened };
}

/** Vocabularies of a family are filled up to different lengths, by tokens that no text has; llama.cpp allows as much. */
const mostFilled = 128;

/** RequestError unless every token that both have is the same. Guesses beyond the vocabulary of the model are none. */
export function checkVocabulary(target: OpenedModel['header']['metadata'], draft: OpenedModel['header']['metadata'], name: string): void {
  const [needed, has] = [target, draft].map((metadata) => getStrings(metadata, 'tokenizer.ggml.tokens', []));
  const advice = 'Choose a smaller model of the same family, or leave it out.';
  const refuse = (what: string) => new RequestError(`The draft model ${name} ${what}. ${advice}`);
  if (!needed.length || !has.length)
    throw refuse(`cannot be compared with the model: ${needed.length ? 'it' : 'the model'} has no vocabulary, and both need the same one`);
  if (Math.abs(needed.length - has.length) > mostFilled)
    throw refuse(`has a vocabulary of ${has.length} tokens; the model's has ${needed.length}, and both need the same one`);
  const other = has.findIndex((token, id) => id < needed.length && token !== needed[id]);
  if (other < 0) return;
  const [token, own] = [has[other], needed[other]].map((text) => JSON.stringify(text));
  throw refuse(`has ${token} as token ${other}; the model has ${own}, and both need the same vocabulary`);
}
