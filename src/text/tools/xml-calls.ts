// Calls that are written as tags, with texts as they are and other values as JSON. Qwen 3 Coder:
// <tool_call><function=f><parameter=a>x</parameter></function></tool_call>; GLM 4.5, with new lines between its tags, and GLM 4.7, without:
// <tool_call>f<arg_key>a</arg_key><arg_value>x</arg_value></tool_call>.
import { type Expression, either, nothing, sequence, text } from '../grammar/expression.ts';
import { chain } from '../grammar/json-objects.ts';
import { convertProperties } from '../grammar/json-schema.ts';
import { several } from './json-calls.ts';
import { holdable, named, refuseSchema } from './plain-members.ts';
import { type CallEvent, type CallReader, type Tool, type ToolStyle, type Writing } from './style.ts';

interface Tags {
  /** Around a function's members, and around each value. */
  open(name: string): string;
  readonly close: string;
  openValue(key: string): string;
  /** Ends a value: no value has it in it. */
  readonly closeValue: string;
  /** What stands behind that. */
  readonly behind: string;
  /**
   * Finds a call, with its name and its members; and the members, with their names and values. No value has its own end in it: else there
   * would be 2 ** n ways to read n members, all of which are tried while the call is not whole.
   */
  readonly call: RegExp;
  readonly member: RegExp;
  /** Names of members that `member` reads. */
  readonly names: RegExp;
}

const qwenCoderTags: Tags = {
  open: (name) => `\n<function=${name}>\n`,
  close: '</function>\n',
  openValue: (key) => `<parameter=${key}>\n`,
  closeValue: '\n</parameter>\n',
  behind: '',
  call: /^(?:(?!<function=)[^])*?<function=([\w.-]+)>\n((?:<parameter=[^>]+>\n(?:(?!\n<\/parameter>\n)[^])*?\n<\/parameter>\n)*)<\/function>/,
  member: /<parameter=([^>]+)>\n([^]*?)\n<\/parameter>\n/g,
  names: /^[^>\n]+$/,
};
/** `line`: what is between the tags. */
const glmTags = (line: string): Tags => ({
  open: (name) => name + line,
  close: '',
  openValue: (key) => `<arg_key>${key}</arg_key>${line}<arg_value>`,
  closeValue: '</arg_value>',
  behind: line,
  call: /^\s*(?:<\/?tool_call>\s*)*([\w.-]+)\s*((?:<arg_key>[^<]+<\/arg_key>\s*<arg_value>(?:(?!<\/arg_value>)[^])*<\/arg_value>\s*)*)<\/tool_call>/,
  member: /<arg_key>([^<]+)<\/arg_key>\s*<arg_value>([^]*?)<\/arg_value>/g,
  names: /^[^<\n]+$/,
});

const propertiesOf = ({ parameters }: Tool): Record<string, { type?: unknown; enum?: unknown[]; const?: unknown }> =>
  (parameters as { properties?: Record<string, object> })?.properties ?? {};
const isText = (tool: Tool, key: string): boolean => propertiesOf(tool)[key]?.type === 'string';

/** A text is read up to the tag that closes it, unless the schema lists those that there are. */
function valueOf(tool: Tool, key: string, value: Expression, { closeValue: close, behind }: Tags): Expression {
  const end = text(close + behind);
  if (!isText(tool, key)) return sequence(value, end);
  const schema = propertiesOf(tool)[key] as Record<string, unknown>;
  const listed = (schema.enum ?? ('const' in schema ? [schema.const] : undefined)) as unknown[] | undefined;
  if (listed) return sequence(either(...listed.map((each) => text(holdable(tool, key, String(each), close)))), end);
  const more = ['pattern', 'format', 'minLength', 'maxLength'].find((keyword) => schema[keyword] !== undefined);
  if (more) refuseSchema(tool, key, more);
  return { free: [{ on: { text: close }, then: text(behind) }], must: true };
}

function calls(tags: Tags, writing: Writing): Expression {
  const { tools, rules, mark } = writing;
  const call = either(...tools.map((tool, i) => {
    const members = named(tool, convertProperties(tool.parameters, `x${i}`, rules), tags.names).map(({ name: key, value, isRequired }) => ({
      member: sequence(text(tags.openValue(key)), valueOf(tool, key, value, tags)),
      isRequired,
    }));
    const close = text(tags.close);
    return sequence(text(tags.open(tool.name)), chain(rules, `x${i}-m`, members, nothing, { any: close, first: close }));
  }));
  return several(sequence(call, mark('</tool_call>')), sequence(text('\n'), mark('<tool_call>')), writing);
}

/** Values as templates put them that write them by Python's rules. */
const pythonWords: Record<string, string | undefined> = { True: 'true', False: 'false', None: 'null' };

function createReader(tags: Tags, tools: readonly Tool[]): CallReader {
  let held = '';
  return {
    push(more) {
      const events: CallEvent[] = [];
      held += more;
      for (let match = tags.call.exec(held); match; match = tags.call.exec(held)) {
        const [all, name, members] = match;
        const tool = tools.find((each) => each.name === name);
        const values = [...members.matchAll(tags.member)].map(
          ([, key, value]) => `${JSON.stringify(key)}:${tool && isText(tool, key) ? JSON.stringify(value) : (pythonWords[value] ?? value)}`,
        );
        events.push({ name }, { args: `{${values.join(',')}}` });
        held = held.slice(all.length);
      }
      return events;
    },
  };
}

const style = (name: string, tags: Tags, matches: ToolStyle['matches']): ToolStyle => ({
  name,
  matches,
  marks: ['<tool_call>', '</tool_call>'],
  opens: ['<tool_call>'],
  calls: (writing) => calls(tags, writing),
  createReader: (tools) => createReader(tags, tools),
});

export const qwenCoder = style('qwen-coder', qwenCoderTags, (template) => template.includes('<tool_call>') && template.includes('<function='));

const isGlm = (template: string): boolean => template.includes('<tool_call>') && template.includes('<arg_key>');
export const glmOfOneLine = style('glm-of-one-line', glmTags(''), (template) => isGlm(template) && template.includes('</arg_key><arg_value>'));
export const glm = style('glm', glmTags('\n'), isGlm);
