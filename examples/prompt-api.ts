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

/** The model calls `weather` when it wants to know it; its answer begins as it is told to. */
export async function advise(engine: Parameters<typeof languageModelFrom>[0], weather: (city: string) => Promise<string>): Promise<[string, string]> {
  const session = await languageModelFrom(engine).create({
    tools: [{
      name: 'weather', description: 'Tells the weather of a city.',
      inputSchema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
      execute: ({ city }: { city: string }) => weather(city),
    }],
  });
  try {
    const advice = await session.prompt('Do I need an umbrella in Oslo?');
    const begun = { role: 'assistant' as const, content: '```toml\n', prefix: true };
    return [advice, await session.prompt([{ role: 'user', content: 'As TOML, please.' }, begun])];
  } finally {
    session.destroy();
  }
}
