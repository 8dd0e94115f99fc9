// What `windrow bench` may be asked, and which measurement answers.
import { type Command, Option } from 'commander';
import { type BenchFlags, bench } from './bench.ts';
import { benchPlan } from './bench-plan.ts';
import { benchPredict } from './bench-predict.ts';
import { benchTogether } from './bench-together.ts';
import { argument, forModel, integer } from '../flags.ts';
import { parseContexts } from '../options.ts';
import { type Result } from '../result.ts';
import { sweepBudget } from './sweep-budget.ts';

/** Options of bench that a sweep of budgets sets itself, or has no use for. */
const notInSweep = ['budget', 'retune', 'tokensPerSubmit', 'contexts', 'quick', 'oneSubmit', 'null', 'serve', 'predict', 'plan'];
/** The same of predictions: they set the budget, and measure at positions and with prompts of their own. */
const notInPredict = ['budget', 'promptTokens', 'newTokens', 'contexts', 'quick', 'oneSubmit', 'null', 'serve', 'plan'];
/** Plans are made at budgets of their own, and nothing is run. */
const notInPlan = [
  'budget', 'ram', 'f32', 'kernels', 'retune', 'tokensPerSubmit', 'promptTokens',
  'newTokens', 'contexts', 'quick', 'oneSubmit', 'null', 'serve',
];
/** Several answers at once are measured beside one alone, in one way. */
const notTogether = ['tokensPerSubmit', 'contexts', 'quick', 'oneSubmit', 'null', 'serve', 'sweepBudget', 'predict', 'plan'];

export const benchOptions = (command: Command): Command =>
  forModel(command.description('speed, calls and bytes'))
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
    .addOption(new Option('--plan', 'how long planning takes at ten budgets; a header without weights will do').conflicts(notInPlan));

export function benchAsAsked(
  path: string,
  { sequences, ...flags }: BenchFlags & { sweepBudget?: boolean; predict?: true | string[]; plan?: boolean },
): Promise<Result> {
  if (sequences) return benchTogether(path, { ...flags, sequences });
  if (flags.plan) return benchPlan(path, flags);
  if (flags.predict) return benchPredict([path, ...(flags.predict === true ? [] : flags.predict)], flags);
  return flags.sweepBudget ? sweepBudget(path, flags) : bench(path, flags);
}
