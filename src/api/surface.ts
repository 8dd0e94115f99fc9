// OpenAI's surface over whatever answers requests.
import { type Backend } from './backend.ts';
import { chatCompletions, type ChatCompletions } from './chat-completions.ts';
import { completions, type Completions } from './completions.ts';
import { models, type Models } from './models.ts';

export interface Surface {
  readonly chat: { readonly completions: ChatCompletions };
  /** Text that goes on from a prompt as it is. */
  readonly completions: Completions;
  readonly models: Models;
}

export const createSurface = (backend: Backend): Surface => ({
  chat: { completions: chatCompletions(backend) },
  completions: completions(backend),
  models: models(backend),
});
