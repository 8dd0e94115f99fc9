// Formats of conversations for files whose own template is missing or is no Jinja: the vocabulary's control tokens tell
// which one a model knows.

/** By names that stand in a file in place of a template: llama.cpp knows them, and how conversations are written then. */
export const namedTemplates: Readonly<Record<string, string | undefined>> = {
  'rwkv-world':
    "{% for message in messages %}{{ {'user': 'User', 'system': 'System'}.get(message.role, 'Assistant') + ': ' + message.content | trim + '\n\n' }}" +
    "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}",
};

export interface Format {
  readonly name: string;
  /** Control tokens that have to be there. */
  readonly tokens: readonly string[];
  readonly template: string;
  /** Texts before which an answer is over, where no token says so. */
  readonly stop?: readonly string[];
}

const template = (message: string, opening: string): string =>
  `{% for message in messages %}${message}{% endfor %}{% if add_generation_prompt %}{{ '${opening}' }}{% endif %}`;

/** Without a place for a system prompt: that goes before the first question. */
const byTurns = (question: string, answer: string, opening: string): string =>
  template(`{% if message.role == 'user' %}{{ ${question} }}{% elif message.role == 'assistant' %}{{ ${answer} }}{% endif %}`, opening);

const formats: readonly Format[] = [
  {
    name: 'chatml',
    tokens: ['<|im_start|>', '<|im_end|>'],
    template: template("{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}", '<|im_start|>assistant\\n'),
  },
  {
    name: 'llama3',
    tokens: ['<|start_header_id|>', '<|end_header_id|>', '<|eot_id|>'],
    template: template(
      "{{ '<|start_header_id|>' + message.role + '<|end_header_id|>\\n\\n' + message.content + '<|eot_id|>' }}",
      '<|start_header_id|>assistant<|end_header_id|>\\n\\n',
    ),
  },
  {
    name: 'gemma',
    tokens: ['<start_of_turn>', '<end_of_turn>'],
    template: byTurns(
      "'<start_of_turn>user\\n' + message.content + '<end_of_turn>\\n'",
      "'<start_of_turn>model\\n' + message.content + '<end_of_turn>\\n'",
      '<start_of_turn>model\\n',
    ),
  },
  {
    name: 'phi3',
    tokens: ['<|user|>', '<|assistant|>', '<|end|>'],
    template: template("{{ '<|' + message.role + '|>\\n' + message.content + '<|end|>\\n' }}", '<|assistant|>\\n'),
  },
  { name: 'mistral', tokens: ['[INST]', '[/INST]'], template: byTurns("'[INST] ' + message.content + ' [/INST]'", 'message.content + eos_token', '') },
  {
    name: 'deepseek',
    tokens: ['<｜User｜>', '<｜Assistant｜>'],
    template: template(
      "{{ ({'user': '<｜User｜>', 'assistant': '<｜Assistant｜>'}[message.role] or '') + message.content + (eos_token if message.role == 'assistant' else '') }}",
      '<｜Assistant｜>',
    ),
  },
];

const plain: Format = {
  name: 'plain',
  tokens: [],
  stop: ['\nUser:'],
  template: template(
    // Without white space around an answer: the model writes the space behind the colon itself.
    "{% if message.role == 'system' %}{{ message.content + '\\n\\n' }}{% else %}{{ (message.role | capitalize) + ': ' + " +
      "(message.content | trim if message.role == 'assistant' else message.content) + '\\n' }}{% endif %}",
    'Assistant:',
  ),
};

/** The format that a vocabulary suggests; a plain one where it suggests none. */
export const suggestFormat = (has: (token: string) => boolean): Format => formats.find(({ tokens }) => tokens.every(has)) ?? plain;
