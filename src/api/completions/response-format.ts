// What a caller says of the form of an answer: OpenAI's `response_format`, and grammars.
import { RequestError, shown } from '../../errors.ts';
import { type ResponseGrammar } from '../../protocol.ts';

export type ResponseFormat =
  | { type: 'text' }
  /** Any JSON object. */
  | { type: 'json_object' }
  /** JSON that passes the schema, always: `strict` changes nothing. */
  | { type: 'json_schema'; json_schema: { name?: string; description?: string; schema?: Record<string, unknown> | boolean; strict?: boolean | null } };

export interface FormatParams {
  /** Rules like `root ::= "yes" | "no"`, or a regular expression that the whole answer matches. */
  grammar?: string | { ebnf: string } | { regex: string } | null;
  response_format?: ResponseFormat | null;
}

export function toGrammar({ grammar, response_format: format }: FormatParams): ResponseGrammar | undefined {
  const byFormat = format === undefined || format === null ? undefined : toFormat(format);
  if (grammar === undefined || grammar === null) return byFormat;
  if (byFormat) throw new RequestError('There are a grammar and a response_format; an answer keeps to one of them. Leave one out.');
  if (typeof grammar === 'string') return { ebnf: grammar };
  if (typeof grammar === 'object' && 'regex' in grammar && typeof grammar.regex === 'string') return { regex: grammar.regex };
  if (typeof grammar === 'object' && 'ebnf' in grammar && typeof grammar.ebnf === 'string') return { ebnf: grammar.ebnf };
  throw new RequestError(`grammar is ${shown(grammar)}; it must be the text of a grammar, { ebnf: text } or { regex: text }.`);
}

function toFormat(format: ResponseFormat): ResponseGrammar | undefined {
  if (format.type === 'text') return undefined;
  if (format.type === 'json_object') return { json: true };
  const schema = format.type === 'json_schema' ? format.json_schema?.schema : undefined;
  const isSchema = ['undefined', 'object', 'boolean'].includes(typeof schema);
  if (format.type !== 'json_schema' || typeof format.json_schema !== 'object' || !isSchema)
    throw new RequestError(
      `response_format is ${shown(format)}; it must be { type: "text" }, { type: "json_object" } or { type: "json_schema", json_schema: { schema } }.`,
    );
  return { schema: plain(schema ?? true) };
}

/** As JSON has it: it goes to the worker. */
function plain(schema: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(schema)) as unknown;
  } catch (error) {
    throw new RequestError(`The schema of response_format is no JSON: ${(error as Error).message}`);
  }
}
