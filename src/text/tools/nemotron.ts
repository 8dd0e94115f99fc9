// Nemotron Nano 2: <TOOLCALL>[{"name": "f", "arguments": {...}}, ...]</TOOLCALL>. Nemotron 3 speaks as Qwen 3 Coder does.
import { createJsonReader, jsonCall, jsonHead, listed } from './json-calls.ts';
import { type ToolStyle } from './style.ts';

export const nemotron: ToolStyle = {
  name: 'nemotron',
  matches: (template) => template.includes('<TOOLCALL>'),
  marks: ['<TOOLCALL>', '</TOOLCALL>'],
  opens: ['<TOOLCALL>'],
  calls: (writing) => listed(jsonCall(writing), writing, '</TOOLCALL>'),
  createReader: () => createJsonReader(jsonHead),
};
