// Mistral. Older templates: [TOOL_CALLS] [{"name": "f", "arguments": {...}}]; newer ones: [TOOL_CALLS]f[ARGS]{...}, each with the mark. Some models
// number their calls, which get ids of their own in any case.
import { type Expression, chars, either, optional, repeat, sequence, text } from '../grammar/expression.ts';
import { colon, comma, quoted } from '../grammar/json-text.ts';
import { createJsonReader, jsonCall, jsonHead, listed, several } from './json-calls.ts';
import { type ToolStyle } from './style.ts';

const idLength = 9;
const id: Expression = repeat(chars([0x30, 0x39], [0x41, 0x5a], [0x61, 0x7a]), idLength, idLength);

export const mistralNamed: ToolStyle = {
  name: 'mistral-named',
  matches: (template) => template.includes('[TOOL_CALLS]') && template.includes('[ARGS]'),
  marks: ['[TOOL_CALLS]', '[ARGS]', '[CALL_ID]'],
  opens: ['[TOOL_CALLS]'],
  calls: (writing) => {
    const numbered = optional(sequence(writing.mark('[CALL_ID]'), id));
    const call = either(...writing.tools.map((tool) => sequence(text(tool.name), numbered, writing.mark('[ARGS]'), writing.argumentsOf(tool))));
    return several(call, writing.mark('[TOOL_CALLS]'), writing);
  },
  createReader: () => createJsonReader(/^\s*(?:\[TOOL_CALLS\])?([\w.-]+?)(?:\[CALL_ID\]\w*)?\[ARGS\]\s*(?=\{)/),
  idLength,
};

export const mistral: ToolStyle = {
  name: 'mistral',
  matches: (template) => template.includes('[TOOL_CALLS]'),
  marks: ['[TOOL_CALLS]'],
  opens: ['[TOOL_CALLS]'],
  calls: (writing) => listed(jsonCall(writing, 'arguments', optional(sequence(comma, text('"id"'), colon, quoted(id)))), writing),
  createReader: () => createJsonReader(jsonHead),
  idLength,
};
