// Mistral. Older templates: [TOOL_CALLS] [{"name": "f", "arguments": {...}}]; newer ones: [TOOL_CALLS]f[ARGS]{...}, each with the mark.
import { either, sequence, text } from '../grammar/expression.ts';
import { space } from '../grammar/json-text.ts';
import { createJsonReader, jsonCall, jsonHead, several } from './json-calls.ts';
import { type ToolStyle } from './style.ts';

export const mistralNamed: ToolStyle = {
  name: 'mistral-named',
  matches: (template) => template.includes('[TOOL_CALLS]') && template.includes('[ARGS]'),
  marks: ['[TOOL_CALLS]', '[ARGS]', '[CALL_ID]'],
  opens: ['[TOOL_CALLS]'],
  calls: (writing) => {
    const call = either(...writing.tools.map((tool) => sequence(text(tool.name), writing.mark('[ARGS]'), writing.argumentsOf(tool))));
    return several(call, writing.mark('[TOOL_CALLS]'), writing);
  },
  createReader: () => createJsonReader(/^\s*(?:\[TOOL_CALLS\])?([\w.-]+)(?:\[CALL_ID\]\w*)?\[ARGS\]\s*(?=\{)/),
  idLength: 9,
};

export const mistral: ToolStyle = {
  name: 'mistral',
  matches: (template) => template.includes('[TOOL_CALLS]'),
  marks: ['[TOOL_CALLS]'],
  opens: ['[TOOL_CALLS]'],
  calls: (writing) => sequence(space, text('['), space, several(jsonCall(writing), sequence(text(','), space), writing), space, text(']')),
  createReader: () => createJsonReader(jsonHead),
  idLength: 9,
};
