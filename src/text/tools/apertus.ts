// Apertus: <|tools_prefix|>[{"f": {...}}, ...]<|tools_suffix|>, also within what is thought (swiss-ai/apertus-format).
import { either, sequence, text } from '../grammar/expression.ts';
import { colon, space } from '../grammar/json-text.ts';
import { createJsonReader, listed } from './json-calls.ts';
import { type ToolStyle } from './style.ts';

const close = '<|tools_suffix|>';

export const apertus: ToolStyle = {
  name: 'apertus',
  matches: (template) => template.includes('<|tools_prefix|>'),
  marks: ['<|tools_prefix|>', close],
  opens: ['<|tools_prefix|>'],
  withinThought: true,
  calls: (writing) => {
    const { tools, argumentsOf } = writing;
    const call = either(...tools.map((tool) => sequence(text('{'), space, text(JSON.stringify(tool.name)), colon, argumentsOf(tool), space, text('}'))));
    return listed(call, writing, close);
  },
  // What lies between two calls is closed by the brace of the first.
  createReader: () => createJsonReader(/^[^"]*?\{\s*"((?:[^"\\]|\\.)*)"\s*:\s*(?=\{)/),
};
