// The prompt that all engines get: the first tokens of a story, repeated to the length asked for, as `windrow bench` takes them.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { node, windrow } from './engines.mjs';

const story =
  'Once upon a time there was a small village by the sea. The people who lived there went out in their boats every day to catch fish, ' +
  'and in the evening they came back and told stories to the children. One of these stories was about a girl who wanted to know what lay ' +
  'beyond the hills. She packed some bread and water, and one day in the spring she left home and walked along the river until she came ' +
  'to a bridge.';

/**
 * `length` token ids, and the text that has just these: wllama takes text only.
 * @param {string} model
 * @param {number} length
 */
export function makePrompt(model, length) {
  const [tokens] = tokenize(model, [story]);
  const ids = Array.from({ length }, (_, i) => tokens[i % tokens.length]);
  const whole = story.repeat(Math.ceil(length / tokens.length));
  const words = whole.split(/(?= )/).map(({ length }) => length);
  const ends = words.map((_, i) => words.slice(0, i + 1).reduce((sum, each) => sum + each));
  // A vocabulary of few words has tokens that end within words.
  for (const lengths of [ends, Array.from(whole, (_, i) => i + 1)]) {
    const beginnings = lengths.map((end) => whole.slice(0, end));
    const text = beginnings[tokenize(model, beginnings).findIndex((each) => each.join() === ids.join())];
    if (text !== undefined) return { ids, text };
  }
  throw new Error(`No beginning of the story has ${length} tokens; choose another prompt length.`);
}

/** Token ids of texts, without BOS. */
function tokenize(model, texts) {
  const folder = mkdtempSync(join(tmpdir(), 'windrow-peers-'));
  try {
    const file = join(folder, 'texts.json');
    writeFileSync(file, JSON.stringify(texts));
    const { status, stdout, stderr } = spawnSync(node, [windrow, '--json', 'tokenize', model, '--texts', file, '--no-bos'], {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    if (status !== 0) throw new Error(`windrow tokenize failed: ${stderr || stdout}`);
    return JSON.parse(stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
