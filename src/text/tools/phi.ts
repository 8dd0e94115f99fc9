// Phi-4-mini: <|tool_call|>{"name": "f", "arguments": {...}}<|/tool_call|>, one after the other.
import { sequence } from '../grammar/expression.ts';
import { space } from '../grammar/json-text.ts';
import { createJsonReader, jsonCall, jsonHead, several } from './json-calls.ts';
import { type ToolStyle } from './style.ts';

const open = '<|tool_call|>';
const close = '<|/tool_call|>';

export const phi: ToolStyle = {
  name: 'phi',
  matches: (template) => template.includes(open) && template.includes(close),
  marks: [open, close],
  opens: [open],
  calls: (writing) => {
    const call = sequence(space, jsonCall(writing), space, writing.mark(close));
    return several(call, sequence(space, writing.mark(open)), writing);
  },
  createReader: () => createJsonReader(jsonHead),
};
