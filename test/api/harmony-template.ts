// A vocabulary with the control tokens of harmony, and a template in the manner of gpt-oss's: what was thought is dropped once a final message
// has followed, and kept between the calls of a turn. Node only.
import { type Metadata } from '../../src/gguf/header.ts';
import { getNumbers, getStrings } from '../../src/gguf/metadata.ts';
import { TokenKind } from '../../src/text/tokenizer/vocabulary.ts';
import { readVocabularyFixture } from '../fixtures/text/read.ts';

export const harmonyTokens = ['<|start|>', '<|end|>', '<|message|>', '<|channel|>', '<|constrain|>', '<|return|>', '<|call|>'];

export const harmonyTemplate = `{%- set last = namespace(call='') -%}
{%- for message in messages -%}
{%- if message.role == 'assistant' and message.tool_calls -%}
  {%- set later = namespace(final=false) -%}
  {%- for other in messages[loop.index:] if other.role == 'assistant' and not other.tool_calls -%}{%- set later.final = true -%}{%- endfor -%}
  {%- if message.thinking and not later.final -%}
    {{- '<|start|>assistant<|channel|>analysis<|message|>' + message.thinking + '<|end|>' -}}
  {%- endif -%}
  {%- set call = message.tool_calls[0].function -%}
  {%- set last.call = call.name -%}
  {{- '<|start|>assistant to=functions.' + call.name + '<|channel|>commentary json<|message|>' + (call.arguments | tojson) + '<|call|>' -}}
{%- elif message.role == 'assistant' -%}
  {{- '<|start|>assistant<|channel|>final<|message|>' + message.content + '<|end|>' -}}
{%- elif message.role == 'tool' -%}
  {{- '<|start|>functions.' + last.call + ' to=assistant<|channel|>commentary<|message|>' + (message.content | tojson) + '<|end|>' -}}
{%- else -%}
  {{- '<|start|>' + message.role + '<|message|>' + message.content + '<|end|>' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|start|>assistant' -}}{%- endif -%}`;

/** Of the vocabulary of stories260K, which has the size of the tiny models', with harmony's tokens in the place of its last ones. */
export async function harmonyMetadata(): Promise<Metadata> {
  const metadata = new Map(await readVocabularyFixture('stories260K'));
  const key = (name: string): string => `tokenizer.ggml.${name}`;
  const spellings = [...getStrings(metadata, key('tokens'))];
  const kinds = Int32Array.from(getNumbers(metadata, key('token_type')));
  harmonyTokens.forEach((spelling, i) => {
    const id = spellings.length - harmonyTokens.length + i;
    [spellings[id], kinds[id]] = [spelling, TokenKind.Control];
  });
  metadata.set(key('tokens'), spellings).set(key('token_type'), kinds).set(key('eos_token_id'), spellings.indexOf('<|return|>'));
  return metadata.set(key('add_space_prefix'), false).set('tokenizer.chat_template', harmonyTemplate);
}
