// Command R7B and later: <|START_ACTION|>[{"tool_call_id": "0", "tool_name": "f", "parameters": {...}}, ...]<|END_ACTION|>.
import { type Expression, chars, either, repeat, sequence, text } from '../grammar/expression.ts';
import { colon, comma, quoted, space } from '../grammar/json-text.ts';
import { createJsonReader, listed } from './json-calls.ts';
import { type ToolStyle, type Writing } from './style.ts';

const close = '<|END_ACTION|>';

/** Calls are numbered through a conversation. */
const number = quoted(repeat(chars([0x30, 0x39]), 1, 3));

const call = ({ tools, argumentsOf }: Writing): Expression =>
  either(...tools.map((tool) => sequence(
    text('{'), space, text('"tool_call_id"'), colon, number, comma, text('"tool_name"'), colon, text(JSON.stringify(tool.name)), comma,
    text('"parameters"'), colon, argumentsOf(tool), space, text('}'),
  )));

export const commandR: ToolStyle = {
  name: 'command-r',
  matches: (template) => template.includes('<|START_ACTION|>'),
  marks: ['<|START_ACTION|>', close],
  opens: ['<|START_ACTION|>'],
  calls: (writing) => listed(call(writing), writing, close),
  createReader: () => createJsonReader(/^[^]*?"tool_name"\s*:\s*"((?:[^"\\]|\\.)*)"\s*,\s*"parameters"\s*:\s*(?=\{)/),
};
