// What a model is told of the form that its answer is held to: it sees nothing but the conversation.
import { type ChatMessageParam } from './chat.ts';

export const schemaInstruction = (schema: unknown, subject = ''): string =>
  `Answer with JSON${subject && ` (${subject})`} that conforms to this JSON schema: ${JSON.stringify(schema)}`;

/** The messages, whose content is text, with `text` after what the user last said, or as what the user says where there is nothing. */
export function withInstruction(messages: readonly ChatMessageParam[], text: string): ChatMessageParam[] {
  const last = messages.findLastIndex(({ role }) => role === 'user');
  if (last < 0) return [...messages, { role: 'user', content: text }];
  return messages.map((message, i) => (i === last ? { ...message, content: `${message.content as string}\n\n${text}` } : message));
}
