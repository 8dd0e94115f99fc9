// What a request says of the form of its answer: what may follow, and how it is taken apart. With the grammars and the styles of
// tools a chunk of its own, loaded when a request first asks.
import { RequestError } from '../../../errors.ts';
import { type GenerateRequest, type ResponseGrammar, type ToolCallDelta } from '../../../protocol.ts';
import { randomId } from '../../../random.ts';
import { type Constraint } from '../../../text/grammar/constraint.ts';
import { constraintsOf, readGrammar } from '../../../text/grammar/grammar.ts';
import { type ChatTemplate } from '../../../text/template.ts';
import { type Thinking } from '../../../text/tools/answer-reader.ts';
import { type AnswerReader, type CallEvent } from '../../../text/tools/style.ts';
import * as use from '../../../text/tools/tools.ts';
import { type ThoughtMarks, thoughtOf, tokensOf } from '../../../thoughts.ts';
import { type Text } from '../../load/opened.ts';
import { functionsOf } from './functions.ts';
import { showing } from './showing.ts';

export interface Form {
  constraint?: Constraint;
  reader?: AnswerReader;
  /** Gives calls their places in the answer, and their ids. */
  calls?: { readonly count: number; take(events: readonly CallEvent[]): ToolCallDelta[] };
  /** One that spells the control tokens that the reader has to see. */
  tokenizer?: Text['tokenizer'];
}

/** Whether reasoning comes first, by where the template leaves an answer. Where one has begun, reasoning is over: whatever that says, it is not it. */
function thinkingIn(template: ChatTemplate, { prompt, tools }: GenerateRequest): { thinking: Thinking; thought: ThoughtMarks } {
  const isBegun = 'messages' in prompt && prompt.messages.at(-1)?.prefix;
  const asked = 'messages' in prompt && !isBegun && { variables: prompt.variables, tools: tools && functionsOf(tools) };
  const end = asked ? template.render(prompt.messages, asked).slice(-40) : '';
  return { thinking: isBegun ? 'none' : use.thinkingOf(template, end), thought: thoughtOf(template.source, end) };
}

/** `vocab`: tokens that logits are of. @throws RequestError for what cannot be held, or a template that knows no tools. */
export function formOf(request: GenerateRequest, text: Text | undefined, vocab: number): Form {
  const { grammar, tools, reasoningApart, prompt } = request;
  if (!text) throw new RequestError('The file has no tokenizer, so that its answers have no text and can keep to no grammar.');
  const { tokenizer, template } = text;
  const vocabulary = { tokenizer, ends: template.endOfTurn, size: vocab };
  const { thinking, thought } = thinkingIn(template, request);
  if (!tools) {
    const isChat = 'messages' in prompt;
    const isApart = reasoningApart || thinking === 'open' || (grammar && isChat && use.hasChannels(template));
    const make = (asked: ResponseGrammar) => (isChat ? use.thoughtful(readGrammar(asked), template, tokenizer, thinking, thought) : readGrammar(asked));
    const constraint = grammar && constraintsOf({ grammar, thinking, thought, isChat }, () => make(grammar), vocabulary).begin();
    const reader = isApart && use.plainReader(template, grammar && thinking === 'may' ? 'none' : thinking, thought);
    return { constraint, ...(reader && { reader, tokenizer: showing(tokenizer, tokensOf(thought)) }) };
  }
  if (grammar && !('schema' in grammar || 'json' in grammar))
    throw new RequestError('There are tools and a grammar; beside tools an answer can have the form of JSON: give a response_format, or leave one out.', {
      code: 'unsupported_parameter',
    });
  const style = use.styleOf(template);
  const asked = { tools: tools.tools.map(({ name, parameters }) => ({ name, parameters })), isRequired: tools.required, parallel: tools.parallel };
  const make = () => use.toolGrammar(style, asked, tokenizer, thinking, grammar && readGrammar(grammar), thought);
  return {
    constraint: constraintsOf({ asked, thinking, thought, grammar }, make, vocabulary).begin(),
    reader: use.toolReader(style, asked, thinking, grammar !== undefined, thought),
    calls: numberCalls(style.idLength),
    tokenizer: showing(tokenizer, [...tokensOf(thought), ...style.marks]),
  };
}

/** `idLength`: characters of the ids of calls, if the template wants so many. */
function numberCalls(idLength?: number): NonNullable<Form['calls']> {
  let count = 0;
  return {
    get count() {
      return count;
    },
    take: (events) => events.map((event) => {
      if ('args' in event) return { index: count - 1, arguments: event.args };
      const id = idLength ? randomId().replace(/[^a-z0-9]/gi, '').slice(0, idLength) : `call_${randomId()}`;
      return { index: count++, id, name: event.name, arguments: '' };
    }),
  };
}
