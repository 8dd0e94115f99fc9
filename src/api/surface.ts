// OpenAI's surface over whatever answers requests.
import { type Backend } from './backend.ts';
import { chatCompletions, type ChatCompletions } from './completions/chat-completions.ts';
import { completions, type Completions } from './completions/completions.ts';
import { embeddings, type Embeddings } from './embeddings.ts';
import { responses, type Responses } from './responses/responses.ts';
import { models, type Models } from './models.ts';
import { rerank, type Rerank } from './rerank.ts';

export interface Surface {
  readonly chat: { readonly completions: ChatCompletions };
  /** Text that goes on from a prompt as it is. */
  readonly completions: Completions;
  /** Answers that are gone on from by their ids. */
  readonly responses: Responses;
  /** Vectors of texts, by models that are made for them. */
  readonly embeddings: Embeddings;
  /** How well texts answer a question, by models that are made to tell. */
  readonly rerank: Rerank;
  readonly models: Models;
}

export function createSurface(backend: Backend): Surface {
  const chat = { completions: chatCompletions(backend) };
  return {
    chat,
    responses: responses(backend, chat.completions),
    completions: completions(backend),
    embeddings: embeddings(backend),
    rerank: rerank(backend),
    models: models(backend),
  };
}
