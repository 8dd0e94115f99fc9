// Hermes, Qwen 2.5 and 3, Granite 4, and SmolLM3, whose template has another name for its functions:
// <tool_call>{"name": "f", "arguments": {...}}</tool_call>, one after the other.
import { sequence } from '../grammar/expression.ts';
import { space } from '../grammar/json-text.ts';
import { createJsonReader, jsonCall, jsonHead, several } from './json-calls.ts';
import { type ToolStyle } from './style.ts';

export const hermes: ToolStyle = {
  name: 'hermes',
  matches: (template) => template.includes('<tool_call>') && /["']arguments\b/.test(template),
  marks: ['<tool_call>', '</tool_call>'],
  opens: ['<tool_call>'],
  calls: (writing) => {
    const { mark } = writing;
    const call = sequence(space, jsonCall(writing), space, mark('</tool_call>'));
    return several(call, sequence(space, mark('<tool_call>')), writing);
  },
  createReader: () => createJsonReader(jsonHead),
  variables: ['xml_tools'],
};
