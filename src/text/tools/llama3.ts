// Llama 3.1 to 3.3: the whole answer is {"name": "f", "parameters": {...}}, perhaps after <|python_tag|>. One call at a time.
import { either, sequence } from '../grammar/expression.ts';
import { space } from '../grammar/json-text.ts';
import { createJsonReader, jsonCall, jsonHead } from './json-calls.ts';
import { type ToolStyle } from './style.ts';

export const llama3: ToolStyle = {
  name: 'llama3',
  // Functionary writes <function=f>{...}</function> in the same frame.
  matches: (template) =>
    template.includes('parameters') && /<\|python_tag\|>|Environment: ipython/.test(template) && !template.includes('<function='),
  marks: ['<|python_tag|>'],
  opens: [],
  calls: (writing) => {
    const call = sequence(space, jsonCall(writing, 'parameters'));
    return either(call, sequence(writing.mark('<|python_tag|>'), call));
  },
  createReader: () => createJsonReader(jsonHead),
};
