// A conversation as plain data, and as a file that people keep. Knows no storage and no elements.
import { randomId } from '../../random.ts';

export interface Message {
  role: 'user' | 'assistant';
  content: string;
  /** What the model thought aloud before its answer. */
  reasoning?: string;
  /** A line below an answer: its speed, or why it ended. */
  note?: string;
}

/** As in the API; what is undefined is left to the model's defaults. */
export interface ChatSettings {
  system: string;
  temperature: number;
  topP: number;
  topK: number;
  minP: number;
  /** Undefined: what suits the model's size. */
  repeatPenalty?: number;
  maxTokens?: number;
  seed?: number;
  /** Whether a model that can think before it answers does. */
  think?: boolean;
}

export interface Chat extends ChatSettings {
  id: string;
  title: string;
  /** Milliseconds since 1970. */
  created: number;
  changed: number;
  messages: Message[];
  /** How often its messages were written: who knows of fewer times has not seen them all. */
  revision?: number;
  /** The oldest turns are left out of what the model reads where all of them are too long for it. */
  forgets?: boolean;
}

/** Lively, but without the tail of unlikely words. */
export const defaultSettings: ChatSettings = { system: '', temperature: 0.7, topP: 0.9, topK: 40, minP: 0 };

/** Models with fewer parameters than this soon repeat themselves. */
const manyParameters = 2e9;

/** The repeat penalty of chats that set none: over the last 64 tokens, for small models alone, as it costs larger ones words that they need. */
export const usualPenalty = (parameters = Infinity): number => (parameters < manyParameters ? 1.1 : 1);

const longestTitle = 60;

export const newChat = (now: number, settings: Partial<ChatSettings> = {}): Chat =>
  ({ ...defaultSettings, ...settings, id: randomId(), title: '', created: now, changed: now, messages: [] });

/** The first words of the first question. */
export function titleOf(messages: Message[]): string {
  const words = messages.find(({ role }) => role === 'user')?.content.trim().replace(/\s+/g, ' ') ?? '';
  if (words.length <= longestTitle) return words;
  const cut = words.slice(0, longestTitle - 1);
  return `${cut.slice(0, Math.max(cut.lastIndexOf(' '), 30)).trimEnd()}…`;
}

/** Whether a search for `words` finds the chat: in any order, in title or messages. */
export function matches(chat: Chat, words: string): boolean {
  const text = [chat.title, ...chat.messages.map(({ content }) => content)].join('\n').toLocaleLowerCase();
  return words.toLocaleLowerCase().split(/\s+/).every((word) => text.includes(word));
}

const format = 'windrow-chats';
const version = 1;

export const exportChats = (chats: Chat[]): string => `${JSON.stringify({ format, version, chats }, null, 2)}\n`;

/**
 * The chats of an exported file, each under a new id, so that nothing that is there is overwritten.
 * @throws TypeError that says where the file is wrong.
 */
export function importChats(text: string): Chat[] {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch {
    throw new TypeError('This file is not JSON. Choose a file that windrow exported.');
  }
  if (!isRecord(file) || file.format !== format || !Array.isArray(file.chats)) {
    throw new TypeError(`This JSON file has no chats of windrow ("format": "${format}"). Choose a file that windrow exported.`);
  }
  if (file.version !== version)
    throw new TypeError(`The file has version ${JSON.stringify(file.version)}; this page reads version ${version}. Reload the page to update it.`);
  return file.chats.map((chat: unknown, i) => chatOf(chat, `Chat ${i + 1} of the file`));
}

function chatOf(chat: unknown, where: string): Chat {
  if (!isRecord(chat) || !Array.isArray(chat.messages)) throw new TypeError(`${where} has no list of messages.`);
  const number = <T>(name: keyof ChatSettings, to: number, otherwise: T): number | T => {
    const value = chat[name];
    if (value === undefined || value === null) return otherwise;
    if (typeof value === 'number' && value >= 0 && value <= to) return value;
    throw new TypeError(`${where} has ${name} ${JSON.stringify(value)}; it must be a number from 0 to ${to}.`);
  };
  const time = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
  const messages = chat.messages.map((message: unknown, i): Message => {
    if (isRecord(message) && typeof message.content === 'string' && (message.role === 'user' || message.role === 'assistant')) {
      const { role, content, reasoning, note } = message;
      return { role, content, ...(typeof reasoning === 'string' ? { reasoning } : {}), ...(typeof note === 'string' ? { note } : {}) };
    }
    throw new TypeError(`${where}: message ${i + 1} must have a role (user or assistant) and a content of text.`);
  });
  return {
    id: randomId(),
    title: typeof chat.title === 'string' && chat.title.trim() ? chat.title.slice(0, 200) : titleOf(messages),
    created: time(chat.created),
    changed: time(chat.changed),
    system: typeof chat.system === 'string' ? chat.system : '',
    temperature: number('temperature', 2, defaultSettings.temperature),
    topP: number('topP', 1, defaultSettings.topP),
    topK: number('topK', 2 ** 31 - 1, defaultSettings.topK),
    minP: number('minP', 1, defaultSettings.minP),
    repeatPenalty: number('repeatPenalty', 10, undefined),
    maxTokens: number('maxTokens', 2 ** 31 - 1, undefined),
    seed: number('seed', 2 ** 32 - 1, undefined),
    ...(chat.forgets === true ? { forgets: true } : {}),
    ...(typeof chat.think === 'boolean' ? { think: chat.think } : {}),
    messages,
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
