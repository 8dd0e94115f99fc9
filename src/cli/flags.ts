// How options are declared: what parses their values, and the options that commands share.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseBytes } from '../bytes.ts';
import { kvNames } from '../kv/policies/names.ts';
import { type AdapterOptions } from '../protocol.ts';
import { readAdapter } from './read-adapter.ts';
import { readHeads } from './read-heads.ts';
import { parseKvOptions } from '../kv/written.ts';
import { parseNumber } from '../pairs.ts';
import { parsePort, positiveInteger } from './options.ts';

/** Has commander report what a parser throws. */
export const argument = <T>(parse: (text: string) => T) => (text: string): T => {
  try {
    return parse(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
};
export const bytes = argument((text: string) => parseBytes(text, 'The size'));
export const integer = argument(positiveInteger);
export const number = argument(parseNumber);
export const port = argument(parsePort);
/** Each adds an adapter to those before. */
export const adapters = (text: string, before: AdapterOptions[] = []): AdapterOptions[] => [...before, argument(readAdapter)(text)];
export const experimental = () => new Option('--experimental', 'also use what browsers have behind a flag: subgroup matrices').conflicts('null');
export const limits = () => new Option('--limits <which>', 'limits of the adapter, or the defaults of the specification').choices(['adapter', 'default']);

/** The options of every command that loads a model. */
export const forModel = (command: Command): Command =>
  command
    .option('--context <n>', 'positions of the conversation', integer)
    .option('--budget <bytes>', 'GPU bytes, as in 2GiB', bytes)
    .option('--ram <bytes>', 'bytes of worker memory for weights that do not stay on the GPU, default 256MiB', bytes)
    .addOption(new Option('--experts <what>', 'what is fetched of experts with ReLU gates where not all fit; default whole').choices(['whole', 'neurons']))
    .addOption(new Option('--activation <name>', 'what gates go through, for a llama whose file does not say it; default silu').choices(['silu', 'relu']))
    .option('--guesses <n>', 'most tokens of a step that are guessed from what was said and checked together, 1 to 7; default: none', integer)
    .option('--short-context <n>', 'guesses by the same weights from so many tokens of a longer text, 128 at least; default: none', integer)
    .option('--draft <file>', 'a smaller model (GGUF) of the same vocabulary that guesses, all of it on the GPU within the budget')
    .option('--f32', 'keys, values and all arithmetic in f32')
    .addOption(new Option('--kv <type>', 'how keys and values are kept; default f16, with --f32 f32').choices(kvNames()))
    .option('--kv-heads <file>', 'how far back each head looks, as `windrow heads` writes it', argument(readHeads))
    .option('--kv-options <name=number,...>', 'settings of the policy that --kv names', argument(parseKvOptions))
    .option('--kv-budget <bytes>', 'most GPU bytes of keys and values, as in 64MiB', bytes)
    .option('--lora <file[:scale]>', 'a LoRA adapter (GGUF) that is added to the model, times a scale; several may be given', adapters)
    .option('--kernels <choice>', 'choice of kernels, as in splits=1,prefill=rows; nothing is measured or tested')
    .option('--retune', 'measure and test kernels again, though it was done on this adapter')
    .option('--tokens-per-submit <n>', 'while decoding, 1 to 16, however long that takes; default: by measured time', integer)
    .addOption(experimental())
    .addOption(limits())
    .option('--max-binding <bytes>', 'pretend that bindings may be at most this large', bytes);
