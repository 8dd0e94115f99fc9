// Apriel: <tool_calls>[{"name": "f", "arguments": {...}}, ...]</tool_calls>.
import { createJsonReader, jsonCall, jsonHead, listed } from './json-calls.ts';
import { type ToolStyle } from './style.ts';

export const apriel: ToolStyle = {
  name: 'apriel',
  matches: (template) => template.includes('<tool_calls>['),
  marks: ['<tool_calls>', '</tool_calls>'],
  opens: ['<tool_calls>'],
  calls: (writing) => listed(jsonCall(writing), writing, '</tool_calls>'),
  createReader: () => createJsonReader(jsonHead),
};
