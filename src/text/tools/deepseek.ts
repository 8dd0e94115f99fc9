// DeepSeek V2.5 to R1: <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f, its arguments as JSON between ```json and ```,
// <｜tool▁call▁end｜>, one after the other, and <｜tool▁calls▁end｜>.
import { either, sequence, text } from '../grammar/expression.ts';
import { space } from '../grammar/json-text.ts';
import { createJsonReader, several } from './json-calls.ts';
import { type ToolStyle } from './style.ts';

const [open, close, begin, separator, end] = ['calls▁begin', 'calls▁end', 'call▁begin', 'sep', 'call▁end'].map((name) => `<｜tool▁${name}｜>`);

export const deepseek: ToolStyle = {
  name: 'deepseek',
  matches: (template) => template.includes(open) && template.includes('```json'),
  marks: [open, close, begin, separator, end],
  opens: [open],
  calls: (writing) => {
    const { tools, mark, argumentsOf } = writing;
    const call = either(...tools.map((tool) => sequence(text(`${tool.name}\n\`\`\`json\n`), argumentsOf(tool), text('\n```'))));
    const whole = sequence(mark(begin), text('function'), mark(separator), call, mark(end));
    return sequence(space, several(whole, space, writing), space, mark(close));
  },
  createReader: () => createJsonReader(/^[^]*?<｜tool▁sep｜>([\w.-]+)\s*(?:```json\s*)?(?=\{)/),
};
