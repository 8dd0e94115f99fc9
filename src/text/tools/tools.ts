// Functions that a model may call: which style its template teaches, what an answer may then be, and what reads it. Loaded
// when a request first has functions.
import { RequestError, shown } from '../../errors.ts';
import { type ThoughtMarks, hasThought, openedBy, thoughtFamilies, thoughtOf, tokenOf } from '../../thoughts.ts';
import { type Expression, type Grammar, type Trigger, renamed, rule, sequence } from '../grammar/expression.ts';
import { convertSchema } from '../grammar/json-schema.ts';
import { jsonRules, space } from '../grammar/json-text.ts';
import { type ChatTemplate } from '../template.ts';
import { type Tokenizer } from '../tokenizer/tokenizer.ts';
import { type Thinking, createAnswerReader } from './answer-reader.ts';
import { apertus } from './apertus.ts';
import { apriel } from './apriel.ts';
import { commandR } from './command-r.ts';
import { deepseek } from './deepseek.ts';
import { functionGemma, gemma4 } from './gemma.ts';
import { granite } from './granite.ts';
import { harmony, inFinal } from './harmony.ts';
import { hermes } from './hermes.ts';
import { lfm2 } from './lfm2.ts';
import { llama3 } from './llama3.ts';
import { mistral, mistralNamed } from './mistral.ts';
import { nemotron } from './nemotron.ts';
import { phi } from './phi.ts';
import { type AnswerReader, type Tool, type ToolStyle, type Writing } from './style.ts';
import { glm, glmOfOneLine, qwenCoder } from './xml-calls.ts';

/** The first that a template matches. */
export const styles: readonly ToolStyle[] = [
  harmony, gemma4, functionGemma, mistralNamed, mistral, lfm2, phi, granite, commandR, apertus, nemotron, apriel, deepseek, qwenCoder,
  glmOfOneLine, glm, hermes, llama3,
];

export interface ToolUse {
  readonly tools: readonly Tool[];
  /** Whether there has to be a call. */
  readonly isRequired: boolean;
  readonly parallel: boolean;
}

/** RequestError for a template that knows no functions, or a way to call them that windrow does not. */
export function styleOf(template: ChatTemplate): ToolStyle {
  const reads = ['tools', 'xml_tools'].some((variable) => template.reads(variable));
  const style = reads ? styles.find(({ matches }) => matches(template.source)) : undefined;
  if (style) return style;
  throw new RequestError(
    reads
      ? `The model's chat template has tools, but calls them in a way that windrow does not know; it knows ${styles.map(({ name }) => name).join(', ')}.`
      : "The model's chat template knows no tools. Leave tools out, or choose a model that has them.",
    { code: 'unsupported_parameter' },
  );
}

/** Whether an answer begins with reasoning, from the template and the end of a prompt. */
export function thinkingOf({ source }: Pick<ChatTemplate, 'source'>, promptEnd: string): Thinking {
  if (openedBy(promptEnd)) return 'open';
  const thought = thoughtOf(source);
  return hasThought(source, thought) && !thought.end.some((mark) => promptEnd.trimEnd().endsWith(mark)) ? 'may' : 'none';
}

export const noSchema = { type: 'object', properties: {} };

/** Arguments are an object, also where a schema does not say so. */
function ofObject({ name, parameters }: Tool): Tool {
  const schema = (parameters ?? noSchema) as { type?: unknown };
  if (typeof schema === 'object' && (schema.type ?? 'object') === 'object') return { name, parameters: { ...schema, type: 'object' } };
  throw new RequestError(
    `The parameters of ${name} are ${typeof schema === 'object' ? `of the type ${shown(schema.type)}` : shown(schema)}; they must be the schema of an object.`,
    { code: 'unsupported_schema' },
  );
}

/** What an answer with calls may be. With a `form` it is either calls or of that form. */
export function toolGrammar(
  style: ToolStyle, use: ToolUse, tokenizer: Tokenizer, thinking: Thinking, form?: Grammar, thought: ThoughtMarks = thoughtFamilies[0],
): Grammar {
  const { isRequired, parallel } = use;
  const tools = use.tools.map(ofObject);
  const content = form && renamed(form, 'form ');
  const rules = new Map([...jsonRules, ...(content?.rules ?? [])]);
  const markOf = marksOf(tokenizer);
  const args = new Map<Tool, Expression>();
  const writing: Writing = {
    tools, parallel, rules,
    mark: markOf,
    argumentsOf(tool) {
      let expression = args.get(tool);
      if (!expression) args.set(tool, (expression = convertSchema(tool.parameters, `t${args.size}`, rules)));
      return expression;
    },
  };
  if (content && !style.whole && !style.opens.length)
    throw new RequestError(
      `Models with calls in the style of ${style.name} write JSON for a call, which cannot be told from an answer of a form. Leave out the tools or the form.`,
      { code: 'unsupported_parameter' },
    );
  if (style.whole) return { root: style.whole.answer(writing, isRequired, content?.root), rules };
  const calls = style.calls(writing);
  const { opens } = style;
  const alone = opens.length ? sequence(space, markOf(opens[0]), calls) : calls;
  const free: Expression = { free: opens.map((spelling) => ({ on: markOf(spelling), then: calls })) };
  const words = sequence({ repeat: { chars: spaces }, least: 0, most: Infinity }, { chars: notOfCalls }, { free: [] });
  const unformed = opens.length ? free : { either: [alone, words, sequence()] };
  const answer = isRequired ? alone : content ? { either: [alone, content.root] } : unformed;
  const within = style.withinThought ? opens.map((spelling) => ({ on: markOf(spelling), then: calls })) : [];
  return { root: afterThought(answer, thinking, markOf, thought, within), rules };
}

const spaces = [[9, 10], [13, 13], [32, 32]] as const;
/** Any character that is no space, and with which no call begins. */
const notOfCalls = [[0, 8], [11, 12], [14, 31], [33, 0x3b], [0x3d, 0x7a], [0x7c, 0x10ffff]] as const;

/** An answer after the model's reasoning, which is free; `within`: what ends an answer that has begun within it. */
export function afterThought(
  answer: Expression, thinking: Thinking, markOf: Marking, { begin, end }: ThoughtMarks, within: readonly Trigger[] = [],
): Expression {
  const lines: Expression = { repeat: { chars: [[10, 10], [32, 32]] }, least: 0, most: 4 };
  const thought: Expression = { free: [...end.map((mark) => ({ on: markOf(mark), then: sequence(lines, answer) })), ...within], must: true };
  if (thinking === 'open') return thought;
  return thinking === 'may' ? { either: [answer, ...begin.map((mark) => sequence(space, inPieces(mark, markOf), thought))] } : answer;
}

type Marking = (spelling: string) => { token: string } | { text: string };

/** A mark that may be a control token and a word after it, as Gemma's. */
function inPieces(mark: string, markOf: Marking): Expression {
  const first = tokenOf(mark);
  return first === mark ? markOf(mark) : sequence(markOf(first), { text: mark.slice(first.length) });
}

/** A mark as the vocabulary has it: a control token, or text. */
const marksOf = (tokenizer: Tokenizer) => (spelling: string) => {
  const id = tokenizer.find(spelling);
  return id !== undefined && tokenizer.isControl(id) ? { token: spelling } : { text: spelling };
};

/** Whether a template's answers go to channels: then a form is that of the final one. */
export const hasChannels = ({ source }: Pick<ChatTemplate, 'source'>): boolean => harmony.matches(source);

/** A grammar of an answer in a chat: what the prompt has begun to think, or what goes to other channels, comes first. */
export function thoughtful(
  grammar: Grammar, template: Pick<ChatTemplate, 'source'>, tokenizer: Tokenizer, thinking: Thinking, thought = thoughtOf(template.source),
): Grammar {
  const markOf = marksOf(tokenizer);
  const name = 'the answer'; // no rule of EBNF has a space in its name
  if (hasChannels(template)) return { root: inFinal(rule(name), markOf), rules: new Map([...grammar.rules, [name, grammar.root]]) };
  return thinking === 'open' ? { ...grammar, root: afterThought(grammar.root, thinking, markOf, thought) } : grammar;
}

/** Tells only reasoning apart. */
export const plainReader = ({ source }: ChatTemplate, thinking: Thinking, thought = thoughtOf(source)): AnswerReader =>
  harmony.matches(source) ? harmony.whole!.createReader() : createAnswerReader({ thinking, opens: [], thought });

/** Reads answers that `toolGrammar` allows; `isFormed`: of a form where they are no calls. */
export function toolReader(style: ToolStyle, { tools }: Pick<ToolUse, 'tools'>, thinking: Thinking, isFormed = false, thought?: ThoughtMarks): AnswerReader {
  const { opens, whole, withinThought = false } = style;
  return whole?.createReader() ?? createAnswerReader({ thinking, opens, calls: style.createReader(tools), withinThought, isFormed, thought });
}
