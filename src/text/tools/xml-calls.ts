// Calls that are written as tags, with texts as they are and other values as JSON. Qwen 3 Coder:
// <tool_call><function=f><parameter=a>x</parameter></function></tool_call>; GLM 4.5, with new lines between its tags, and GLM 4.7, without:
// <tool_call>f<arg_key>a</arg_key><arg_value>x</arg_value></tool_call>.
import { type Expression, either, nothing, sequence, text } from '../grammar/expression.ts';
import { chain } from '../grammar/json-objects.ts';
import { convertProperties } from '../grammar/json-schema.ts';
import { several } from './json-calls.ts';
import { holdable, named, pythonWords, refuseSchema } from './plain-members.ts';
import { type CallEvent, type CallReader, type Tool, type ToolStyle, type Writing } from './style.ts';

interface Tags {
  /** Around a function's members, and around each value. */
  open(name: string): string;
  readonly close: string;
  openValue(key: string): string;
  /** Ends a value: no text has it in it, and JSON in its strings at most. */
  readonly closeValue: string;
  /** What stands behind that. */
  readonly behind: string;
  /** Finds the beginning of a call, with its name, from the beginning of what is held. */
  readonly head: RegExp;
  /** Finds the beginning of a member, with its name, and the end of a call, each where it is looked for. */
  readonly member: RegExp;
  readonly end: RegExp;
  /** Names of members that `member` reads. */
  readonly names: RegExp;
}

const qwenCoderTags: Tags = {
  open: (name) => `\n<function=${name}>\n`,
  close: '</function>\n',
  openValue: (key) => `<parameter=${key}>\n`,
  closeValue: '\n</parameter>\n',
  behind: '',
  head: /^(?:(?!<function=)[^])*?<function=([\w.-]+)>\n/,
  member: /<parameter=([^>]+)>\n/y,
  end: /<\/function>/y,
  names: /^[^>\n]+$/,
};
/** `line`: what is between the tags. */
const glmTags = (line: string): Tags => ({
  open: (name) => name + line,
  close: '',
  openValue: (key) => `<arg_key>${key}</arg_key>${line}<arg_value>`,
  closeValue: '</arg_value>',
  behind: line,
  head: /^\s*(?:<\/?tool_call>\s*)*([\w.-]+)/,
  member: /\s*<arg_key>([^<]+)<\/arg_key>\s*<arg_value>/y,
  end: /\s*<\/tool_call>/y,
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

/** Where a pattern of the kind `y` is found, and what is behind it. */
function found(pattern: RegExp, text: string, at: number): { name: string; behind: number } | undefined {
  pattern.lastIndex = at;
  const match = pattern.exec(text);
  return match ? { name: match[1], behind: at + match[0].length } : undefined;
}

/** Where a value ends: a text at the first mark, JSON at the first one that is in none of its strings; below 0 where it is not there yet. */
function endOfValue(held: string, at: number, mark: string, isJson: boolean): number {
  if (!isJson) return held.indexOf(mark, at);
  let isWithin = false; // a string
  for (let i = at; i < held.length; i++) {
    if (!isWithin && held.startsWith(mark, i)) return i;
    if (isWithin && held[i] === '\\') i++;
    else if (held[i] === '"') isWithin = !isWithin;
  }
  return -1;
}

/** The first call of what is held, and where it ends; undefined where it is not whole. */
function readCall(tags: Tags, tools: readonly Tool[], held: string): { name: string; args: string; behind: number } | undefined {
  const head = tags.head.exec(held);
  if (!head) return undefined;
  const [, name] = head;
  const tool = tools.find((each) => each.name === name);
  const members: string[] = [];
  let at = head[0].length;
  for (let member = found(tags.member, held, at); member; member = found(tags.member, held, at)) {
    const { name: key, behind } = member;
    const isWords = tool !== undefined && isText(tool, key);
    const end = endOfValue(held, behind, tags.closeValue, !isWords);
    if (end < 0) return undefined;
    const value = held.slice(behind, end);
    members.push(`${JSON.stringify(key)}:${isWords ? JSON.stringify(value) : (pythonWords.get(value) ?? value)}`);
    at = end + tags.closeValue.length;
  }
  const over = found(tags.end, held, at);
  return over && { name, args: `{${members.join(',')}}`, behind: over.behind };
}

function createReader(tags: Tags, tools: readonly Tool[]): CallReader {
  let held = '';
  return {
    push(more) {
      const events: CallEvent[] = [];
      held += more;
      for (let call = readCall(tags, tools, held); call; call = readCall(tags, tools, held)) {
        events.push({ name: call.name }, { args: call.args });
        held = held.slice(call.behind);
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
