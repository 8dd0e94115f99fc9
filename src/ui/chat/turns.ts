// What of a conversation the model reads: questions with their answers, in turns, and the question that is to be answered.
// What has no counterpart is left out, as templates refuse two questions in a row. Knows no engine and no elements.
import { type ChatMessage } from '../../protocol.ts';
import { type Message } from './chat.ts';
import { partsOf } from './reasoning.ts';

/** The messages of a prompt that ends with the last question; `dropped` turns fewer at the beginning. Reasoning is not sent back. */
export function promptOf(asked: readonly Message[], system = '', dropped = 0): ChatMessage[] {
  const turns = answered(asked.slice(0, -1)).slice(dropped);
  const said = [...turns.flatMap((at) => [asked[at], asked[at + 1]]), ...asked.slice(-1)];
  return [...(system ? [{ role: 'system' as const, content: system }] : []), ...said.map((message) => ({ role: message.role, content: answerOf(message) }))];
}

/** How many turns stand before the last question. */
export const turnsBefore = (asked: readonly Message[]): number => answered(asked.slice(0, -1)).length;

/** The index of the first message that the model reads, where `dropped` turns are left out; 0 for none. */
export const firstRead = (asked: readonly Message[], dropped: number): number =>
  dropped === 0 ? 0 : (answered(asked.slice(0, -1))[dropped] ?? asked.length - 1);

/** Whether the message is a question that no message answers. */
export const isOpen = (messages: readonly Message[], at: number): boolean => messages[at].role === 'user' && messages[at + 1]?.role !== 'assistant';

/** What the model answered, without its reasoning. Conversations of before have both in one. */
export const answerOf = (message: Message): string =>
  message.role === 'user' || message.reasoning !== undefined ? message.content : partsOf(message.content).content;

/** The fewest of `turns` to drop so that what is left fits; all of them if that does not help. */
export async function fewestToDrop(turns: number, fits: (dropped: number) => Promise<boolean>): Promise<number> {
  let [low, high] = [0, turns];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (await fits(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Indices of questions that an answer with words follows. */
const answered = (messages: readonly Message[]): number[] =>
  messages.flatMap((message, at) => (message.role === 'user' && messages[at + 1]?.role === 'assistant' && answerOf(messages[at + 1]).trim() ? [at] : []));
