// Gemma: call:f{city:<mark>Paris<mark>,days:3} between marks, texts between marks of their own. Gemma 4 has <|tool_call> ... <tool_call|>
// and <|"|>, FunctionGemma <start_function_call> ... <end_function_call> and <escape>.
import { type Expression, either, nothing, sequence, text } from '../grammar/expression.ts';
import { chain } from '../grammar/json-objects.ts';
import { convertProperties } from '../grammar/json-schema.ts';
import { several } from './json-calls.ts';
import { holdable, named, refuseSchema } from './plain-members.ts';
import { type CallEvent, type CallReader, type Tool, type ToolStyle, type Writing } from './style.ts';

interface Marks {
  readonly open: string;
  readonly close: string;
  readonly quote: string;
}

type Property = { readonly type?: unknown; readonly enum?: readonly unknown[]; readonly items?: { readonly type?: unknown } } & Record<string, unknown>;

const plainTypes = ['integer', 'number', 'boolean', 'null'];

/** Names of members that the reader takes for names. */
const names = /^[^\s:{},[\]<>|"]+$/;

/** Texts as they are, up to the mark that closes them; numbers, truth values and lists of them as JSON. */
function valueOf({ mark }: Writing, quote: string, tool: Tool, key: string, value: Expression): Expression {
  const schema = ((tool.parameters as { properties?: Record<string, Property> }).properties ?? {})[key] ?? {};
  if (schema.type === 'string') {
    const more = ['pattern', 'format', 'minLength', 'maxLength', 'const'].find((keyword) => schema[keyword] !== undefined);
    if (more) refuseSchema(tool, key, more);
    const listed = schema.enum?.map((each) => text(holdable(tool, key, String(each), quote)));
    if (listed) return sequence(mark(quote), either(...listed), mark(quote));
    const on = mark(quote) as { text: string } | { token: string };
    return sequence(mark(quote), { free: [{ on, then: nothing }], must: true });
  }
  const type = schema.type === 'array' ? schema.items?.type : schema.type;
  if (typeof type !== 'string' || !plainTypes.includes(type))
    refuseSchema(tool, key, 'values that are neither texts, numbers, truth values nor lists of those two');
  return value;
}

function calls({ close, open, quote }: Marks, writing: Writing): Expression {
  const { tools, rules, mark } = writing;
  const call = either(...tools.map((tool, i) => {
    const members = named(tool, convertProperties(tool.parameters, `g${i}`, rules), names).map(({ name: key, value, isRequired }) => ({
      member: sequence(text(`${key}:`), valueOf(writing, quote, tool, key, value)),
      isRequired,
    }));
    const end = text('}');
    return sequence(text(`call:${tool.name}{`), chain(rules, `g${i}-m`, members, text(','), { any: end, first: end }));
  }));
  return several(sequence(call, mark(close)), mark(open), writing);
}

/** Gives the arguments of a call once it has ended. */
function createReader({ close, quote }: Marks): CallReader {
  let held = '';
  const quoted = quote.replace(/[|"<>]/g, '\\$&');
  const member = new RegExp(`([^\\s:{},]+):(?:${quoted}([^]*?)${quoted}|(\\[[^\\]]*\\]|[^,{}]*))(?:,|$)`, 'g');
  const head = /^[^]*?call:([\w.-]+)\{/;
  /** Where a call ends: at a brace that no text has. */
  const endOf = (from: number): number => {
    for (let at = from; at < held.length; at++) {
      if (held.startsWith(quote, at)) {
        const after = held.indexOf(quote, at + quote.length);
        if (after < 0) return -1;
        at = after + quote.length - 1;
      } else if (held[at] === '}') return at;
    }
    return -1;
  };
  return {
    push(more) {
      const events: CallEvent[] = [];
      held += more;
      for (let found = head.exec(held); found; found = head.exec(held)) {
        const start = found[0].length;
        const end = endOf(start);
        if (end < 0 || held.length < end + 1 + close.length) return events;
        const members = [...held.slice(start, end).matchAll(member)].map(
          ([, key, words, json]) => `${JSON.stringify(key)}:${words === undefined ? json : JSON.stringify(words)}`,
        );
        events.push({ name: found[1] }, { args: `{${members.join(',')}}` });
        held = held.slice(end + 1 + close.length);
      }
      return events;
    },
  };
}

const style = (name: string, marks: Marks): ToolStyle => ({
  name,
  matches: (template) => template.includes(marks.open) && template.includes('call:'),
  marks: [marks.open, marks.close, marks.quote],
  opens: [marks.open],
  calls: (writing) => calls(marks, writing),
  createReader: () => createReader(marks),
});

export const gemma4 = style('gemma-4', { open: '<|tool_call>', close: '<tool_call|>', quote: '<|"|>' });
export const functionGemma = style('function-gemma', { open: '<start_function_call>', close: '<end_function_call>', quote: '<escape>' });
