// What `import 'windrow/prompt-api'` gives: a `LanguageModel` as the Prompt API has it, over a model of the page's choice.
import { openLibrary } from '../api/library.ts';
import { hasCode } from '../errors.ts';
import { type Engines, given, loadedOnDemand, type LoadOnDemand, type PromptEngine } from './engines.ts';
import { notSupported, quotaExceeded, toDomException } from './errors.ts';
import { watchProgress } from './monitor.ts';
import { joined, toInitialTurns } from './prompts.ts';
import { params, toSampling } from './sampling.ts';
import { toTools } from './tools.ts';
import { countTurns, Session } from './session.ts';
import { type Availability, type AvailabilityOptions, type CreateOptions, type LanguageModelClass } from './types.ts';

export { type LoadOnDemand, type PromptEngine } from './engines.ts';
export {
  type Availability, type AvailabilityOptions, type CreateMonitor, type CreateOptions, type LanguageModelClass, type LanguageModelParams,
  type LanguageModelSession, type PromptInput, type PromptMessage, type PromptOptions, type SamplingMode,
  type Tool,
} from './types.ts';

/**
 * A class of its own over an engine that the caller has, or over one that is loaded for the first session and unloaded after the last
 * is destroyed: `globalThis.LanguageModel ??= languageModelFrom({ model })`.
 */
export function languageModelFrom(source: PromptEngine | LoadOnDemand): LanguageModelClass {
  const engines = 'chat' in source ? given(source) : loadedOnDemand(source);
  class LanguageModel extends Session {
    static async availability(options: AvailabilityOptions = {}): Promise<Availability> {
      toSampling(options);
      toTools(options.tools);
      if (whatIsLacking(options)) return 'unavailable';
      if (engines.state === 'loading') return 'downloading';
      return 'chat' in source || engines.state === 'ready' ? 'available' : planned(source);
    }

    /** @throws NotSupportedError, QuotaExceededError; TypeError and RangeError for wrong options. Rejects with the signal's reason. */
    static async create(options: CreateOptions = {}): Promise<Session> {
      options.signal?.throwIfAborted();
      try {
        return await create(LanguageModel, engines, options);
      } catch (error) {
        throw options.signal?.aborted ? options.signal.reason : toDomException(error);
      }
    }

    static params = async () => params;
  }
  return LanguageModel as unknown as LanguageModelClass;
}

async function create(Class: typeof Session, engines: Engines, options: CreateOptions): Promise<Session> {
  const sampling = toSampling(options);
  const initial = joined(toInitialTurns(options.initialPrompts));
  const tools = toTools(options.tools);
  const lacking = whatIsLacking(options);
  if (lacking) throw notSupported(lacking);
  const progress = options.monitor && watchProgress(options.monitor);
  const engine = await engines.acquire(progress?.of, options.signal);
  try {
    const usage = await countTurns(engine, initial, tools);
    if (usage >= engine.info.context)
      throw quotaExceeded(`initialPrompts have ${usage} tokens; the context has ${engine.info.context}. Shorten them.`, usage, engine.info.context);
    options.signal?.throwIfAborted();
    progress?.done();
    return new Class({ engines, engine, sampling, tools, initial, history: [], usage });
  } catch (error) {
    engines.release();
    throw error;
  }
}

function whatIsLacking({ expectedInputs = [], expectedOutputs = [] }: AvailabilityOptions): string | undefined {
  const other = [...expectedInputs, ...expectedOutputs].find(({ type }) => type !== 'text');
  return other && `${other.type} is expected; models of windrow read and write text.`;
}

/** What loading would take says whether it can be done. */
async function planned(options: LoadOnDemand): Promise<Availability> {
  const library = openLibrary({ worker: options.worker });
  try {
    const { verdict, stored } = await library.plan(options);
    return verdict === 'refused' ? 'unavailable' : stored ? 'available' : 'downloadable';
  } catch (error) {
    if (hasCode(error, 'no_gpu', 'kernel_failed', 'unsupported_model')) return 'unavailable';
    throw toDomException(error);
  } finally {
    library.close();
  }
}
