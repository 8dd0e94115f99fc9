// What a request says of the form of its answer: what may follow, and how it is taken apart. Grammars and tools are chunks of
// their own, loaded when a request first asks.
import { RequestError } from '../../errors.ts';
import { type GenerateRequest } from '../../protocol.ts';
import { type Constraint } from '../../text/grammar/constraint.ts';
import { type ChatTemplate } from '../../text/template.ts';
import { type AnswerReader } from '../../text/tools/style.ts';
import { type Text } from '../load/opened.ts';

export interface Form {
  constraint?: Constraint;
  reader?: AnswerReader;
  /** Control tokens that the reader has to see. */
  marks?: ReadonlySet<number>;
  /** Characters of the ids of calls, if the template wants so many. */
  idLength?: number;
}

/** Where an answer begins, as the template leaves it. */
const endOfPrompt = (template: ChatTemplate, { prompt, tools }: GenerateRequest): string =>
  'messages' in prompt ? template.render(prompt.messages, { variables: prompt.variables, tools: tools && functionsOf(tools) }).slice(-40) : '';

/** Functions as templates are given them. */
export const functionsOf = ({ tools }: NonNullable<GenerateRequest['tools']>): unknown[] =>
  tools.map(({ name, description, parameters }) => ({
    type: 'function',
    function: { name, description: description ?? '', parameters: parameters ?? { type: 'object', properties: {} } },
  }));

/** `vocab` gives how many tokens logits are of. @throws RequestError for what cannot be held, or a template that knows no tools. */
export async function formOf(request: GenerateRequest, text: Text | undefined, vocab: () => number): Promise<Form> {
  const { grammar, tools, reasoningApart } = request;
  if (!grammar && !tools && !reasoningApart) return {};
  if (!text) throw new RequestError('The file has no tokenizer, so that its answers have no text and can keep to no grammar.');
  const { tokenizer, template } = text;
  const vocabulary = { tokenizer, ends: template.endOfTurn, size: vocab() };
  const [{ constraintsOf, readGrammar }, use] = await Promise.all([import('../../text/grammar/grammar.ts'), import('../../text/tools/tools.ts')]);
  const thinking = use.thinkingOf(template, endOfPrompt(template, request));
  if (!tools) {
    const isApart = reasoningApart || thinking === 'open';
    const source = grammar && constraintsOf({ grammar, thinking }, () => use.thoughtful(readGrammar(grammar), tokenizer, thinking), vocabulary);
    return { constraint: source?.begin(), ...(isApart && { reader: use.plainReader(template, grammar && thinking === 'may' ? 'none' : thinking) }) };
  }
  if (grammar) throw new RequestError('There are tools and a form of the answer; an answer keeps to one of them. Leave one out.');
  const style = use.styleOf(template);
  const asked = { tools: tools.tools.map(({ name, parameters }) => ({ name, parameters })), isRequired: tools.required, parallel: tools.parallel };
  const make = () => use.toolGrammar(style, asked, tokenizer, thinking);
  return {
    constraint: constraintsOf({ asked, thinking }, make, vocabulary).begin(),
    reader: use.toolReader(style, asked, thinking),
    marks: new Set(style.marks.flatMap((mark) => tokenizer.find(mark) ?? [])),
    idLength: style.idLength,
  };
}
