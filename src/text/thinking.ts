// Whether a chat template begins the reasoning of a model, and how it is told to leave it out. Renders; reads no answers.
import { type ThinkingSwitch } from '../protocol.ts';
import { type ChatTemplate } from './template.ts';

/** What templates call it: Qwen 3, SmolLM3, GLM and most others; Granite and DeepSeek. */
const variables = ['enable_thinking', 'thinking'];

/** Enough characters for the mark with which reasoning begins. */
const endLength = 40;

/** Where an answer begins, as the template leaves it; undefined if it refuses a plain question. */
export const endOfPrompt = (template: ChatTemplate): string | undefined => prompt(template)?.slice(-endLength);

/** Undefined where no variable makes a difference. */
export function thinkingSwitch(template: ChatTemplate): ThinkingSwitch | undefined {
  for (const variable of variables.filter((name) => template.reads(name))) {
    const [unasked, on, off] = [{}, { [variable]: true }, { [variable]: false }].map((given) => prompt(template, given));
    if (on === undefined || off === undefined || on === off) continue;
    return { variable, unasked: unasked !== off, promptEnd: { on: on.slice(-endLength), off: off.slice(-endLength) } };
  }
  return undefined;
}

function prompt(template: ChatTemplate, given: Record<string, boolean> = {}): string | undefined {
  try {
    return template.render([{ role: 'user', content: 'Hi.' }], { variables: given });
  } catch {
    return undefined;
  }
}
