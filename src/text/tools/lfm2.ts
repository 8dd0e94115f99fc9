// LFM2: <|tool_call_start|>[f(a="x", b=[1, 2]), g()]<|tool_call_end|>, with values as Python writes them.
import { type Expression, either, sequence, text } from '../grammar/expression.ts';
import { chain } from '../grammar/json-objects.ts';
import { convertProperties } from '../grammar/json-schema.ts';
import { space } from '../grammar/json-text.ts';
import { createScan, several } from './json-calls.ts';
import { named, pythonWords } from './plain-members.ts';
import { type CallEvent, type CallReader, type ToolStyle, type Writing } from './style.ts';

const open = '<|tool_call_start|>';
const close = '<|tool_call_end|>';
/** What the templates of LFM2 and LFM2.5 list the functions after. Some of them write calls, some do not. */
const lists = ['<|tool_list_start|>', 'List of tools: ['];

export const lfm2: ToolStyle = {
  name: 'lfm2',
  matches: (template) => [open, ...lists].some((mark) => template.includes(mark)),
  marks: [open, close],
  opens: [open],
  calls: (writing) => sequence(text('['), several(pythonCall(writing), text(', '), writing), text(']'), writing.mark(close)),
  createReader: createPythonReader,
};

/** Names of arguments that `objectOf` takes for names: letters, digits and a few signs, and no word that is a value. */
const names = /^(?!.*\b(?:True|False|None)\b)[\p{L}\p{M}\p{N}_$.-]+$/u;

const separator: Expression = sequence(text(','), space);

function pythonCall({ tools, rules }: Writing): Expression {
  return either(...tools.map((tool, i) => {
    const members = named(tool, convertProperties(tool.parameters, `p${i}`, rules), names).map(({ name: key, value, isRequired }) => ({
      member: sequence(text(`${key}=`), value),
      isRequired,
    }));
    return sequence(text(`${tool.name}(`), chain(rules, `p${i}-m`, members, separator, { any: text(')'), first: text(')') }));
  }));
}

/** Gives the arguments of a call once it has ended, as an object. */
function createPythonReader(): CallReader {
  let held = '';
  return {
    push(more) {
      const events: CallEvent[] = [];
      held += more;
      for (;;) {
        const head = /^[\s[,]*([\w.-]+)(?=\()/.exec(held);
        const length = head ? createScan('"\'')(held.slice(head[0].length)) : undefined;
        if (!head || length === undefined) return events;
        const end = head[0].length + length;
        events.push({ name: head[1] }, { args: objectOf(held.slice(head[0].length + 1, end - 1)) });
        held = held.slice(end);
      }
    },
  };
}

/** `a="x", b=True` as JSON; a text is the same in both, as the grammar allows only JSON's, or between single quotes, as LFM2.5's template writes it. */
export function objectOf(members: string): string {
  const parts = members.split(/("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')/);
  const json = parts.map((part, i) => (i % 2 ? doublyQuoted(part) : part.replace(/\b(?:True|False|None)\b/g, (word) => pythonWords.get(word)!)));
  let depth = 0;
  const named = json.map((part, i) => {
    if (i % 2) return part;
    return part.replace(/[[{]|[\]}]|([^\s,=[\]{}"]+)=/g, (found, key?: string) => {
      if (key !== undefined) return depth ? found : `${JSON.stringify(key)}:`;
      depth += '[{'.includes(found) ? 1 : -1;
      return found;
    });
  });
  return `{${named.join('').trim()}}`;
}

/** A text between single quotes as JSON. What is escaped and need not be stays as it is, as LFM2.5's template escapes nothing. */
function doublyQuoted(text: string): string {
  if (!text.startsWith("'")) return text;
  const inner = text.slice(1, -1).replace(/\\(.)|"/g, (found, escaped?: string) => {
    if (escaped === undefined) return '\\"';
    if (escaped === "'") return "'";
    return '"\\/bfnrtu'.includes(escaped) ? found : `\\${found}`;
  });
  return `"${inner}"`;
}
