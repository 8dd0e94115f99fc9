// The Prompt API, where the browser has none: `globalThis.LanguageModel ??= languageModelFrom(...)`.
import { languageModelFrom } from 'windrow/prompt-api';

export async function prompt(engine: Parameters<typeof languageModelFrom>[0], question: string): Promise<string> {
  const LanguageModel = languageModelFrom(engine);
  const session = await LanguageModel.create({ initialPrompts: [{ role: 'system', content: 'Be short.' }] });
  try {
    return await session.prompt(question);
  } finally {
    session.destroy();
  }
}
