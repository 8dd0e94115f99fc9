// The policies by name, for those who choose one, as names and words alone: what they do is loaded when one is chosen. A test holds this list to the
// files.
import { RequestError } from '../../errors.ts';
import { kvFormats } from '../formats/catalogue.ts';

export interface PolicyName {
  name: string;
  label: string;
  /** For programs and experiments: a page does not offer it. */
  special?: true;
}

export const policyNames: readonly PolicyName[] = [
  { name: 'kivi4', label: '4 bits, keys by channel: a third of the room, nearly no loss' },
  { name: 'q4', label: '4 bits: about a third of the room, some loss' },
  { name: 'kivi3', label: '3 bits, keys by channel: a quarter of the room, little loss' },
  { name: 'kivi2', label: '2 bits, keys by channel: a fifth of the room, for large models at most' },
  { name: 'q2', label: '2 bits: a fifth of the room, for large models at most' },
  { name: 'q8-later', label: '8 bits, what is new exact for one step more: half of the room', special: true },
  { name: 'permuted4', label: '4 bits, keys by blocks of channels of like size: a third of the room, some loss', special: true },
  { name: 'permuted3', label: '3 bits, keys by blocks of channels of like size: a quarter of the room, much loss', special: true },
  { name: 'kvquant4', label: '4 bits of uneven levels: a third of the room, nearly no loss, slower', special: true },
  { name: 'kvquant3', label: '3 bits of uneven levels: a quarter of the room, little loss, slower', special: true },
  { name: 'kvquant2', label: '2 bits of uneven levels: a fifth of the room, some loss, slower', special: true },
  { name: 'xquant4', label: '4 bits of what keys and values are made of: a third of the room, nearly no loss, much slower', special: true },
  { name: 'xquant3', label: '3 bits of what keys and values are made of: a quarter of the room, little loss, much slower', special: true },
  { name: 'xquant2', label: '2 bits of what keys and values are made of: a fifth of the room, for large models at most, much slower', special: true },
  { name: 'streaming', label: 'the beginning and the last tokens: a chat of any length in the same room, which forgets' },
  { name: 'duo-kivi', label: 'heads that look back keep all in 4 bits, the others the beginning and the last words', special: true },
  { name: 'duo-kivi3', label: 'heads that look back keep all in 3 bits, the others the beginning and the last words', special: true },
  { name: 'duo-kivi2', label: 'heads that look back keep all in 2 bits, the others the beginning and the last words', special: true },
  { name: 'duo', label: 'heads that look back keep all, the others the beginning and the last words', special: true },
  { name: 'spans', label: 'every head as far back as it looks', special: true },
  { name: 'h2o', label: 'what was looked at most, and the last words', special: true },
  { name: 'lazyeviction', label: 'what comes back again and again: for long thinking', special: true },
  { name: 'snapkv', label: 'what the question looks at: for one long text', special: true },
  { name: 'windowkv', label: 'whole passages that the question looks at', special: true },
  { name: 'pyramidkv', label: 'what the question looks at, more of it in lower layers', special: true },
  { name: 'prefixkv', label: 'what the question looks at, more of it in layers that look at more', special: true },
  { name: 'adakv', label: 'what the question looks at, more of it in heads that look at more', special: true },
  { name: 'heavy-prompt', label: 'what the prompt looks at most', special: true },
  { name: 'recent', label: 'the last words alone: to compare with', special: true },
  { name: 'random', label: 'words at random, and the last ones: to compare with', special: true },
  { name: 'quest', label: 'keeps everything, and reads the passages that may matter most to each word', special: true },
  { name: 'leoam', label: 'as quest, with shorter passages in layers that look at little', special: true },
  { name: 'shadowkv', label: 'keeps everything, keys of prompts in low rank, and reads the passages that may matter most to each word', special: true },
  { name: 'lserve', label: 'keeps everything, and reads a few long passages, chosen for some words at a time', special: true },
  { name: 'tokenselect', label: 'keeps everything, and reads what all heads together look at most', special: true },
  { name: 'a2ats', label: 'keeps everything, and reads what each word may look at most, by codes of 4 bits', special: true },
  { name: 'squeezed', label: 'keeps everything, and reads of the first prompt what is like the question', special: true },
  { name: 'hyper', label: 'keeps everything, and of a long text a prompt reads what is like each word, and a sample: visible loss', special: true },
  { name: 'mpcache', label: 'what the question looks at, and of that the passages that may matter most to each word', special: true },
  { name: 'scout', label: 'keeps everything in main memory, where the processor reads it for each word: slow, little on the GPU', special: true },
  { name: 'retrieval', label: 'keeps everything in main memory, where an index finds what each word may look at: for very long texts', special: true },
  { name: 'razor', label: 'heads that look back keep all, the others the beginning, the last words, and a mean of what was between', special: true },
  { name: 'd2o', label: 'what the question looks at, and what is like it merged into that', special: true },
  { name: 'ems', label: 'what the prompt or the question looks at, and what is like it merged into that', special: true },
  { name: 'elastic', label: 'what the prompt looks at most, its neighbours merged into that, and the last words of the answer', special: true },
  { name: 'kvmerger', label: 'neighbours that are alike merged into one', special: true },
  { name: 'mikv', label: 'what the prompt looks at most, and all else in few bits', special: true },
  { name: 'zipcache', label: 'all in 4 or in 2 bits, by what the question looks at', special: true },
  { name: 'arkv', label: 'what the question looks at, then some more in 4 bits, then nothing', special: true },
  { name: 'think', label: 'all, with the channels of keys that the question looks at', special: true },
  { name: 'minicache', label: 'all, where two layers each share what is alike: for deep models', special: true },
  { name: 'documents', label: 'keeps everything, and documents that were read before beside each other', special: true },
  { name: 'epicache', label: 'of a long conversation the episode that a question is about', special: true },
  { name: 'find-heads', label: 'keeps everything and measures which heads look far back', special: true },
];

/** Of formats and policies. */
export const kvNames = (): string[] => [...kvFormats.keys(), ...policyNames.map(({ name }) => name)];

/** RequestError for a name that neither a format nor a policy has. */
export function kvName(name: string): string {
  if (kvNames().includes(name)) return name;
  throw new RequestError(`kv is ${JSON.stringify(name)}; it must be one of ${kvNames().join(', ')}.`);
}

export const isPolicy = (name: string): boolean => policyNames.some((each) => each.name === name);
