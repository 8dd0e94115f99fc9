// What a file of this folder says of how models of a kind call functions: what their templates have in them, what calls are
// written like, and what reads them. Plain data and functions; tools.ts lists the styles.
import { type Expression } from '../grammar/expression.ts';

/** A function that may be called. `parameters`: the JSON schema of an object. */
export interface Tool {
  readonly name: string;
  readonly parameters: unknown;
}

/** A call as it is read: first its name, then its arguments, as pieces of JSON. */
export type CallEvent = { readonly name: string } | { readonly args: string };

/** Reads all of an answer from what follows the first of `opens`. */
export interface CallReader {
  push(text: string): CallEvent[];
}

/** What an answer says, taken apart. */
export interface Said {
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly CallEvent[];
}

export interface AnswerReader {
  push(text: string): Said;
  /** What was held back, as no more follows. */
  flush(): Said;
}

export interface Writing {
  readonly tools: readonly Tool[];
  /** Whether there may be several calls. */
  readonly parallel: boolean;
  readonly rules: Map<string, Expression>;
  /** A mark of the style: a control token where the vocabulary has it as one, else its text. */
  mark(spelling: string): Expression;
  /** The arguments of a tool as JSON. */
  argumentsOf(tool: Tool): Expression;
}

export interface ToolStyle {
  readonly name: string;
  /** Whether a chat template teaches this style. */
  matches(template: string): boolean;
  /** Control tokens that are to be seen in the text. */
  readonly marks: readonly string[];
  /** What calls begin with, amid text. None: an answer is text or a call from its first character on. */
  readonly opens: readonly string[];
  /** All calls, from what follows one of `opens` to the end of the answer. */
  calls(writing: Writing): Expression;
  createReader(tools: readonly Tool[]): CallReader;
  /** Whether calls may come within what is thought, which then has no other end. */
  readonly withinThought?: true;
  /** Variables of the template, beside `tools`, that functions are given as. */
  readonly variables?: readonly string[];
  /** Characters of the id of a call, where the template wants so many. */
  readonly idLength?: number;
  /** For answers that are not text with calls in it: all of one, and what reads it. */
  readonly whole?: {
    /** `form`: of what is no call. */
    answer(writing: Writing, isRequired: boolean, form?: Expression): Expression;
    createReader(): AnswerReader;
  };
}
