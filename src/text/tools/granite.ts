// Granite 3: <|tool_call|>[{"name": "f", "arguments": {...}}, ...]. Granite 4 speaks as Hermes does.
import { sequence, text } from '../grammar/expression.ts';
import { space } from '../grammar/json-text.ts';
import { createJsonReader, jsonCall, jsonHead, several } from './json-calls.ts';
import { type ToolStyle } from './style.ts';

export const granite: ToolStyle = {
  name: 'granite',
  matches: (template) => template.includes('<|tool_call|>') && !template.includes('<|/tool_call|>'), // which is Phi's
  marks: ['<|tool_call|>'],
  opens: ['<|tool_call|>'],
  calls: (writing) => sequence(space, text('['), space, several(jsonCall(writing), sequence(text(','), space), writing), space, text(']')),
  createReader: () => createJsonReader(jsonHead),
};
