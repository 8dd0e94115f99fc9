// Which tokens end an answer: the ids that the file names, and spellings known to mean it, as llama.cpp collects them
// (https://github.com/ggml-org/llama.cpp, src/llama-vocab.cpp, special_eog_ids). What a chat template ends an
// assistant's turn with is found in template.ts.
import { type SpecialIds, TokenKind } from './tokenizer/vocabulary.ts';

const endings = [
  '<|eot_id|>', '<|im_end|>', '<|end|>', '<|return|>', '<|call|>', '<|flush|>', '<|calls|>', '<end_of_turn>', '<|endoftext|>',
  '</s>', '<|eom_id|>', '<EOT>', '_<EOT>', '[EOT]', '[EOS]', '<|end_of_text|>', '<end_of_utterance>', '<eos>', '<turn|>',
  '<|tool_response>', '<｜end▁of▁sentence｜>', '[e~[',
];

/** Tokens of fill-in-the-middle. Where the file names none, the first spelling that exists is one. */
const middles: readonly { readonly name: keyof SpecialIds; readonly ends?: true; readonly spellings: readonly string[] }[] = [
  { name: 'fim_pre', spellings: ['<|fim_prefix|>', '<fim-prefix>', '<fim_prefix>', '<｜fim▁begin｜>', '<PRE>', '▁<PRE>', '<|code_prefix|>', '<|prefix|>'] },
  { name: 'fim_suf', spellings: ['<|fim_suffix|>', '<fim-suffix>', '<fim_suffix>', '<｜fim▁hole｜>', '<SUF>', '▁<SUF>', '<|code_suffix|>', '<|suffix|>'] },
  { name: 'fim_mid', spellings: ['<|fim_middle|>', '<fim-middle>', '<fim_middle>', '<｜fim▁end｜>', '<MID>', '▁<MID>', '<|code_middle|>', '<|middle|>'] },
  { name: 'fim_pad', ends: true, spellings: ['<|fim_pad|>', '<fim-pad>', '<fim_pad>', '<PAD>', '[PAD]'] },
  { name: 'fim_rep', ends: true, spellings: ['<|fim_repo|>', '<|repo_name|>', '<fim-repo>', '<REPO>', '<reponame>'] },
  { name: 'fim_sep', ends: true, spellings: ['<|file_sep|>'] },
];

/** The ids that end an answer. Corrects `kinds` on the way: files often give such tokens as ordinary text. */
export function collectEndOfTurn(ids: ReadonlyMap<string, number>, kinds: Uint8Array, special: SpecialIds): ReadonlySet<number> {
  const ending = new Set<number>();
  for (const { name, ends, spellings } of middles) {
    let found = special[name];
    if (found === undefined) {
      found = spellings.map((spelling) => ids.get(spelling)).find((id) => id !== undefined);
      if (found !== undefined) kinds[found] = TokenKind.Control;
    }
    if (ends && found !== undefined) ending.add(found);
  }
  for (const spelling of endings) {
    const id = ids.get(spelling);
    if (id === undefined) continue;
    ending.add(id);
    kinds[id] = TokenKind.Control;
  }
  for (const id of [special.eos, special.eot, special.eom]) if (id !== undefined) ending.add(id);

  const ends = (spelling: string): boolean => ending.has(ids.get(spelling) ?? -1);
  const retype = (spelling: string, kind: number): void => {
    const id = ids.get(spelling);
    if (id !== undefined) kinds[id] = kind;
  };
  for (const spelling of ['<|channel|>', '<|message|>', '<|start|>', '<|constrain|>']) retype(spelling, TokenKind.UserDefined);
  // gpt-oss and Solar close a message of any kind with <|end|>; the answer goes on after it.
  const calls = ends('<|call|>') || ends('<|calls|>');
  if (calls && ends('<|end|>') && (ends('<|return|>') || ends('<|flush|>'))) {
    ending.delete(ids.get('<|end|>')!);
    retype('<|end|>', TokenKind.UserDefined);
  }
  // In Gemma 4 </s> is an HTML tag.
  if (ends('<|tool_response>') && ends('</s>')) {
    ending.delete(ids.get('</s>')!);
    retype('</s>', TokenKind.Normal);
  }
  return ending;
}
