// The commands and their options. Each command is a file; this one only parses and reports.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { version } from '../../package.json';
import { parseBytes } from '../bytes.ts';
import { RequestError } from '../errors.ts';
import { kvFormats } from '../kv/formats/catalogue.ts';
import { type BenchFlags, bench } from './bench.ts';
import { benchPlan } from './bench-plan.ts';
import { benchTogether } from './bench-together.ts';
import { benchPredict } from './bench-predict.ts';
import { dawn } from '../node.ts';
import { doctor } from './doctor.ts';
import { generate } from './generate.ts';
import { logits } from './logits.ts';
import { parseBiases, parseContexts, parseNumber, parseObject, parseTokens, positiveInteger } from './options.ts';
import { perplexity } from './perplexity.ts';
import { planModel } from './plan.ts';
import { type Result } from './result.ts';
import { sweepBudget } from './sweep-budget.ts';
import { tokenize } from './tokenize.ts';

const argument = <T>(parse: (text: string) => T) => (text: string): T => {
  try {
    return parse(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
};
const bytes = argument((text: string) => parseBytes(text, 'The size'));
const integer = argument(positiveInteger);
const number = argument(parseNumber);
const experimental = () => new Option('--experimental', 'also use what browsers have behind a flag: subgroup matrices').conflicts('null');
/** Options of bench that a sweep of budgets sets itself, or has no use for. */
const notInSweep = ['budget', 'retune', 'tokensPerSubmit', 'contexts', 'quick', 'oneSubmit', 'null', 'serve', 'predict', 'plan'];
/** The same of predictions: they set the budget, and measure at positions and with prompts of their own. */
const notInPredict = ['budget', 'promptTokens', 'newTokens', 'contexts', 'quick', 'oneSubmit', 'null', 'serve', 'plan'];
/** Plans are made at budgets of their own, and nothing is run. */
const notInPlan = [
  'budget',
  'ram',
  'f32',
  'kernels',
  'retune',
  'tokensPerSubmit',
  'promptTokens',
  'newTokens',
  'contexts',
  'quick',
  'oneSubmit',
  'null',
  'serve',
];
/** Several answers at once are measured beside one alone, in one way. */
const notTogether = ['tokensPerSubmit', 'contexts', 'quick', 'oneSubmit', 'null', 'serve', 'sweepBudget', 'predict', 'plan'];
const limits = () => new Option('--limits <which>', 'limits of the adapter, or the defaults of the specification').choices(['adapter', 'default']);

const forModel = (command: Command): Command =>
  command
    .option('--context <n>', 'positions of the conversation', integer)
    .option('--budget <bytes>', 'GPU bytes, as in 2GiB', bytes)
    .option('--ram <bytes>', 'bytes of worker memory for weights that do not stay on the GPU, default 256MiB', bytes)
    .option('--f32', 'keys, values and all arithmetic in f32')
    .addOption(new Option('--kv <type>', 'how keys and values are kept; default f16, with --f32 f32').choices([...kvFormats.keys()]))
    .option('--kernels <choice>', 'choice of kernels, as in splits=1,prefill=rows; nothing is measured or tested')
    .option('--retune', 'measure and test kernels again, though it was done on this adapter')
    .option('--tokens-per-submit <n>', 'while decoding, 1 to 16, however long that takes; default: by measured time', integer)
    .addOption(experimental())
    .addOption(limits())
    .option('--max-binding <bytes>', 'pretend that bindings may be at most this large', bytes);

/** Whoever reads may have enough, as `head` has: then there is nobody left to tell anything. */
function leaveWithReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
}

/** Reports what went wrong and ends with exit code 1. With --json, standard output has the error alone. */
function fail(thrown: unknown, json: boolean): never {
  const { name, message, stack, code } = readable(thrown as Error & { code?: string });
  if (json) console.log(JSON.stringify({ error: { name, code, message } }));
  console.error(name === 'Error' || name === 'TypeError' ? (stack ?? message) : `${name}: ${message}`);
  process.exit(1);
}

/** Errors of the file system name a file that the caller chose: no stack is needed. */
function readable(error: Error & { code?: string }): Error & { code?: string } {
  const { code, path }: NodeJS.ErrnoException = error;
  const reasons: Record<string, string> = {
    ENOENT: 'does not exist',
    EISDIR: 'is a folder',
    ENOTDIR: 'is not in a folder',
    EACCES: 'may not be opened',
    EPERM: 'may not be opened',
  };
  const reason = code === undefined ? undefined : reasons[code];
  return reason ? new RequestError(`${path ?? 'A file that was named'} ${reason}. Give another path.`) : error;
}

export async function main(argv: string[]): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', leaveWithReader);
  const json = argv.includes('--json');
  const program = new Command('windrow')
    .description('Runs GGUF language models on the GPU, within a memory budget.')
    .option('--json', 'print results as JSON')
    .version(version);
  // Commands take these over: wrong options are reported as any other error is.
  program.exitOverride().configureOutput({ outputError: () => {} });
  program.addHelpText('after', '\nEvery command takes --json.');

  const add = (command: Command, run: (...args: never[]) => Promise<Result>) =>
    command.addOption(new Option('--json', 'print the result as JSON')).action(async (...args: unknown[]) => {
      const given = args.at(-2) as { json?: boolean; experimental?: boolean };
      const options = { ...given, json: given.json || program.opts().json };
      try {
        if (given.experimental) dawn(['enable-dawn-features=allow_unsafe_apis']); // the one instance that the command finds
        const result = await run(...([...args.slice(0, -2), options] as never[]));
        // A pipe may take less than all at once: leave only when it has taken everything.
        await new Promise<void>((done) => process.stdout.write(`${options.json ? JSON.stringify(result.json) : result.text}\n`, () => done()));
        process.exit(result.code ?? 0);
      } catch (error) {
        fail(error, options.json);
      }
    });

  const generateCommand = forModel(program.command('generate <model>').description('continue a prompt or answer a chat message'))
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
    .option('--seed <n>', 'the same seed gives the same text', number)
    .option('--repeat-penalty <r>', 'above 1: tokens that were there are less likely, default 1', number)
    .option('--frequency-penalty <f>', 'taken off for each time that a token was there, default 0', number)
    .option('--presence-penalty <p>', 'taken off if a token was there at all, default 0', number)
    .option('--penalty-last <n>', 'tokens that penalties look back at, -1 for all, default 64', number)
    .option('--logit-bias <biases>', 'added to the logits of tokens, as in 262=-100,313=5', argument(parseBiases))
    .option('--logprobs <n>', 'with --json: how likely each token was, and the n likeliest, up to 20', number)
    .option('--stop <text...>', 'end before one of these texts');
  add(generateCommand, generate);
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
  add(
    forModel(program.command('bench <model>').description('speed, calls and bytes'))
      .option('--prompt-tokens <n>', 'tokens of the prompt', integer, 64)
      .option('--new-tokens <n>', 'tokens to make', integer, 32)
      .option('--contexts <list>', 'as in 128,512,2048: speed at these contexts, and how the time of a token grows', argument(parseContexts))
      .option('--quick', 'one prompt and its answer only: no contexts, kernels or comparison with f32')
      .option('--one-submit', 'one submit per token, however long it takes, to count calls')
      .option('--serve', 'one run per line on standard input, as bench/peers asks for')
      .option('--null', 'on the null backend: host time alone')
      .addOption(
        new Option('--sweep-budget', 'with all, 75, 50, 25 % of the weights and the least on the GPU, and what reading ahead hides').conflicts(notInSweep),
      )
      .addOption(
        new Option('--predict [others...]', 'predicted against measured speed at three budgets and three positions, of other models too').conflicts(
          notInPredict,
        ),
      )
      .addOption(
        new Option('--sequences <n>', 'so many answers at once beside one, with all weights and with 25 % of them on the GPU')
          .argParser(integer)
          .conflicts(notTogether),
      )
      .addOption(new Option('--plan', 'how long planning takes at ten budgets; a header without weights will do').conflicts(notInPlan)),
    (path: string, { sequences, ...flags }: BenchFlags & { sweepBudget?: boolean; predict?: true | string[]; plan?: boolean }) =>
      sequences
        ? benchTogether(path, { ...flags, sequences })
        : flags.plan
          ? benchPlan(path, flags)
          : flags.predict
            ? benchPredict([path, ...(flags.predict === true ? [] : flags.predict)], flags)
            : flags.sweepBudget
              ? sweepBudget(path, flags)
              : bench(path, flags),
  );
  add(
    program.command('doctor').description('check every kernel against the reference on this adapter')
      .addOption(experimental())
      .addOption(limits())
      .option('--max-binding <bytes>', 'pretend that bindings may be at most this large', bytes),
    doctor,
  );
  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.help' && json) fail(new RequestError('There is no command. See windrow --help.'), json);
    if (error.exitCode === 0 || error.code === 'commander.help') process.exit(error.exitCode); // help was asked for, or is the answer
    fail(new RequestError(`${error.message.replace(/^error: /, '').replace(/\s+/g, ' ').replace(/\.?$/, '.')} See windrow --help.`), json);
  }
}
