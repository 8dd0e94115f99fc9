// gpt-oss (harmony): messages of an answer go to channels. <|channel|>analysis<|message|>...<|end|> is reasoning,
// <|channel|>final<|message|> the answer, <|channel|>commentary to=functions.f <|constrain|>json<|message|>{...}<|call|> a call.
import { type Expression, either, nothing, optional, sequence, text } from '../grammar/expression.ts';
import { type AnswerReader, type CallEvent, type Said, type ToolStyle, type Writing } from './style.ts';

const recipient = ' to=functions.';

/** After the recipient. */
function call({ tools, argumentsOf, mark }: Writing): Expression {
  const json = optional(sequence(text(' '), optional(mark('<|constrain|>')), text('json')));
  const channel = optional(sequence(mark('<|channel|>'), text('commentary')));
  return either(...tools.map((tool) => sequence(text(tool.name), channel, json, mark('<|message|>'), argumentsOf(tool))));
}

const trigger = (spelling: string, then: Expression): Expression => ({ free: [{ on: { text: spelling }, then }], must: true });

function answer(writing: Writing, isRequired: boolean, form?: Expression): Expression {
  const { mark } = writing;
  if (!isRequired && !form) return { free: [{ on: { text: recipient }, then: call(writing) }] };
  const calls = sequence(optional(sequence(mark('<|channel|>'), text('commentary'))), text(recipient), call(writing));
  const header = isRequired || !form ? calls : either(calls, finalOf(form, mark));
  return either(header, analysed(mark, header));
}

const finalOf = (form: Expression, mark: Writing['mark']): Expression => sequence(mark('<|channel|>'), text('final'), mark('<|message|>'), form);

/** Reasoning, and then the message that begins with `header`. */
const analysed = (mark: Writing['mark'], header: Expression): Expression =>
  sequence(mark('<|channel|>'), text('analysis'), mark('<|message|>'), trigger('<|end|>', sequence(mark('<|start|>'), text('assistant'), header)));

/** An answer of a form: in the final channel, perhaps after reasoning. */
export function inFinal(answer: Expression, mark: Writing['mark']): Expression {
  const final = finalOf(answer, mark);
  return either(final, analysed(mark, final));
}

function createReader(): AnswerReader {
  let held = '';
  let channel: 'header' | 'text' | 'reasoning' | 'call' = 'header';
  let hasMessages = false;
  const parts = { text: '', reasoning: '', calls: [] as CallEvent[] };

  function take(piece: string): void {
    if (channel === 'call') {
      if (piece) parts.calls.push({ args: piece });
    } else if (channel !== 'header') parts[channel] += piece;
  }

  function beginMessage(header: string): void {
    hasMessages = true;
    const name = /to=functions\.([\w.-]+)/.exec(header)?.[1];
    if (name !== undefined) parts.calls.push({ name });
    channel = name !== undefined ? 'call' : /<\|channel\|>analysis/.test(header) ? 'reasoning' : 'text';
  }

  const given = (): Said => {
    const said = { text: parts.text, reasoning: parts.reasoning, calls: parts.calls };
    Object.assign(parts, { text: '', reasoning: '', calls: [] });
    return said;
  };

  return {
    push(more) {
      held += more;
      for (;;) {
        const mark = channel === 'header' ? '<|message|>' : '<|end|>';
        const at = held.indexOf(mark);
        if (at < 0) break;
        const before = held.slice(0, at);
        held = held.slice(at + mark.length);
        if (channel === 'header') beginMessage(before);
        else {
          take(before);
          channel = 'header';
        }
      }
      if (channel !== 'header') {
        const length = held.length - heldBack(held, '<|end|>');
        take(held.slice(0, length));
        held = held.slice(length);
      }
      return given();
    },
    flush() {
      if (!hasMessages && !/<\||to=functions/.test(held)) channel = 'text'; // a model that knows no channels
      take(held);
      held = '';
      return given();
    },
  };
}

/** Characters at the end of a text that might begin a mark. */
export function heldBack(held: string, mark: string): number {
  for (let length = Math.min(held.length, mark.length - 1); length > 0; length--) if (mark.startsWith(held.slice(-length))) return length;
  return 0;
}

export const harmony: ToolStyle = {
  name: 'harmony',
  // The name of what is called is put together in the template that gpt-oss comes with: 'to=' + 'functions.' + name.
  matches: (template) => template.includes('<|channel|>') && template.includes('functions.'),
  marks: ['<|channel|>', '<|message|>', '<|start|>', '<|end|>', '<|constrain|>'],
  opens: [],
  calls: () => nothing,
  createReader: () => ({ push: () => [] }),
  whole: { answer, createReader },
};
