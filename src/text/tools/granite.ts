// Granite 3: <|tool_call|>[{"name": "f", "arguments": {...}}, ...]. Granite 4 speaks as Hermes does.
import { createJsonReader, jsonCall, jsonHead, listed } from './json-calls.ts';
import { type ToolStyle } from './style.ts';

export const granite: ToolStyle = {
  name: 'granite',
  matches: (template) => template.includes('<|tool_call|>') && !template.includes('<|/tool_call|>'), // which is Phi's
  marks: ['<|tool_call|>'],
  opens: ['<|tool_call|>'],
  calls: (writing) => listed(jsonCall(writing), writing),
  createReader: () => createJsonReader(jsonHead),
};
