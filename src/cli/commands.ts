// The commands. Each is a file; here is what the command line says of it.
import { type Command } from 'commander';
import { benchOptions, benchAsAsked } from './bench/bench-options.ts';
import { doctor } from './doctor.ts';
import { adapters, argument, bytes, experimental, forModel, integer, limits, number, port } from './flags.ts';
import { evaluate } from './evaluate.ts';
import { generate } from './generate.ts';
import { heads } from './heads.ts';
import { kv } from './kv/kv.ts';
import { logits } from './logits.ts';
import { parseBiases, parseObject, parsePattern, parseTokens } from './options.ts';
import { perplexity } from './perplexity.ts';
import { planModel } from './plan.ts';
import { type Result } from './result.ts';
import { serve } from './serve/serve.ts';
import { tokenize } from './tokenize.ts';

const generateOptions = (command: Command): Command =>
  forModel(command.description('continue a prompt or answer a chat message'))
    .option('--prompt <text>', 'text to continue')
    .option('--chat <text>', 'a message to answer')
    .option('--system <text>', 'system message for --chat')
    .option('--chat-template-kwargs <json>', 'variables of the chat template, as in {"enable_thinking": false}; with --chat', argument(parseObject))
    .option('--tokens <ids>', 'token ids to continue, as in 1,2,3', argument(parseTokens))
    .option('--max-tokens <n>', 'most new tokens', integer)
    .option('--temperature <t>', 'default 0: the most likely token', number)
    .option('--top-k <k>', 'only the k most likely tokens', number)
    .option('--top-p <p>', 'only the most likely tokens that reach this probability', number)
    .option('--min-p <p>', 'only tokens with this share of the best probability', number)
    .option('--typical-p <p>', 'only the tokens closest to the mean information that reach this probability', number)
    .option('--xtc-probability <p>', 'how often the most likely tokens go, all but the least likely of those that reach the threshold', number)
    .option('--xtc-threshold <p>', 'up to 0.5, default 0.1', number)
    .option('--seed <n>', 'the same seed gives the same text', number)
    .option('--repeat-penalty <r>', 'above 1: tokens that were there are less likely, default 1', number)
    .option('--frequency-penalty <f>', 'taken off for each time that a token was there, default 0', number)
    .option('--presence-penalty <p>', 'taken off if a token was there at all, default 0', number)
    .option('--penalty-last <n>', 'tokens that penalties look back at, -1 for all, default 64', number)
    .option('--dry-multiplier <m>', 'above 0: tokens that go on with what was said before are less likely, default 0', number)
    .option('--dry-base <b>', 'how much less for each token that is as before, default 1.75', number)
    .option('--dry-allowed-length <n>', 'tokens that may be as before at no cost, default 2', number)
    .option('--dry-last <n>', 'tokens that are looked back at, default all', number)
    .option('--dry-breakers <text...>', 'texts behind which a repetition begins anew')
    .option('--logit-bias <biases>', 'added to the logits of tokens, as in 262=-100,313=5', argument(parseBiases))
    .option('--logprobs <n>', 'with --json: how likely each token was, and the n likeliest, up to 20', number)
    .option('--schema <file>', 'a JSON schema that the answer has to pass')
    .option('--grammar <file>', 'a grammar in EBNF that the answer has to keep to')
    .option('--stop <text...>', 'end before one of these texts');

const evaluateOptions = (command: Command): Command =>
  forModel(command.description('perplexity of a text, divergence from another quantisation, adapter or KV format, questions with choices'))
    .option('--file <text>', 'text to cut into chunks')
    .option('--ctx <n>', 'tokens per chunk, default 512', integer)
    .option('--chunks <n>', 'at most this many chunks', integer)
    .option('--token-ids <file>', 'JSON: an array of chunks of ids')
    .option('--against <model>', 'another file of the same vocabulary: how far its expectations are from those of the first')
    .option('--against-kv <type>', 'the same with keys and values kept so')
    .option('--against-lora <file[:scale]>', 'the same with these adapters in place of those of --lora; several may be given', adapters)
    .option('--against-plain', 'the same without adapters')
    .option('--against-f32', 'the same with all arithmetic in f32')
    .option('--questions <file>', 'JSON: an array of { "prompt", "choices", "answer": index of the right one }');

const kvOptions = (command: Command): Command =>
  forModel(command.description('what a model remembers under policies of keys and values, against itself with all of them'))
    .requiredOption('--policies <policies...>', 'names with their settings, as in kivi4 snapkv:share=0.5,window=16')
    .option('--text <file>', 'a text of 1120 tokens or more to ask of')
    .option('--probes <file>', 'in place of it, JSON: what is asked, as token ids')
    .option('--rows <file>', 'what was measured, a line for each policy: those are not measured again')
    .option('--pieces <folder>', 'where what is measured is kept step by step, so that a row can be broken off and gone on with')
    .option('--seconds <n>', 'stop after so long, between two steps of a text', number)
    .option('--markdown', 'the table as Markdown');

const serveOptions = (command: Command): Command =>
  forModel(command.description("answer OpenAI's HTTP requests (/v1/chat/completions and others) with a model"))
    .option('--host <name>', 'where to listen; other machines need a key', '127.0.0.1')
    .option('--port <n>', '0 takes any that is free', port, 8080)
    .option('--api-key <key>', 'that requests have to send; default: WINDROW_API_KEY, or none on this machine')
    .option('--origin <origins...>', 'pages that may ask, as in https://example.org')
    .option('--max-body <bytes>', 'longest request, default 16MiB', bytes)
    .option('--sequences <n>', 'conversations that there is room for at their full length at once, default 1', integer);

/** Declares all commands on `program`; `add` says what runs each, with its arguments and then its options. */
export function declareCommands(program: Command, add: (command: Command, run: (...args: never[]) => Promise<Result>) => void): void {
  add(generateOptions(program.command('generate <model>')), generate);
  add(serveOptions(program.command('serve <model>')), serve);
  add(
    forModel(program.command('heads <model>').description('measure which heads look far back, for --kv duo-kivi, duo and spans'))
      .requiredOption('--out <file>', 'JSON, for --kv-heads'),
    heads,
  );
  add(kvOptions(program.command('kv <model>')), kv);
  add(
    forModel(program.command('logits <model>').description('write logits as little-endian f32, (tokens, vocabulary)'))
      .requiredOption('--tokens <ids>', 'as in 1,2,3', argument(parseTokens))
      .requiredOption('--out <file>')
      .option('--last', 'only those after the last token'),
    logits,
  );
  add(
    forModel(program.command('perplexity <model>').description('negative log likelihood of a text in chunks'))
      .option('--file <text>', 'text to cut into chunks')
      .option('--ctx <n>', 'tokens per chunk, default 512', integer)
      .option('--chunks <n>', 'at most this many chunks', integer)
      .option('--token-ids <file>', 'JSON: an array of chunks of ids'),
    perplexity,
  );
  add(evaluateOptions(program.command('eval <model>')), evaluate);
  add(
    program.command('tokenize <model>').description('token ids of texts; vocabulary-only files too')
      .option('--text <text>')
      .option('--texts <file>', 'JSON: an array of texts')
      .option('--no-bos', 'add neither BOS nor EOS')
      .option('--special', 'recognise control tokens in the text'),
    tokenize,
  );
  add(
    forModel(
      program
        .command('plan <model>')
        .description('GPU bytes that a model will take and about how fast it will run, from its header and a second of measuring this machine'),
    ),
    planModel,
  );
  add(benchOptions(program.command('bench <model>')), benchAsAsked);
  add(
    program.command('doctor').description('check every kernel against the reference on this adapter')
      .addOption(experimental())
      .addOption(limits())
      .option('--max-binding <bytes>', 'pretend that bindings may be at most this large', bytes)
      .option('--only <pattern>', 'only checks whose names a regular expression finds, as in ^kv-', argument(parsePattern)),
    doctor,
  );
}
