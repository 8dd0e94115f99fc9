// A benchmark's report for people.
import { describeChoice } from '../engine/measure/tune/choice-text.ts';
import { type ContextSpeed, type Growth } from './contexts.ts';
import { type KernelSpeed } from './kernels.ts';
import { type Peak } from './peak.ts';
import { type BenchReport } from './report.ts';
import { giga, mib, ofPeak, percent, table } from './table.ts';

export function reportText(report: BenchReport): string {
  const {
    adapter,
    host,
    model,
    choice,
    loadMs,
    peak,
    promptTokens,
    newTokens,
    decode,
    prefill,
    perToken,
    hostMsPerToken,
    contexts,
    leftOut,
    growth,
    kernels,
    timedBy,
    software,
  } = report;
  const blocks = [
    [
      `adapter   ${adapter}; ${host}`,
      `model     ${model.name}, ${(model.parameters / 1e6).toFixed(1)} million weights`,
      `kernels   ${Object.entries(describeChoice(choice))
        .map(([name, value]) => (value.includes('=') ? `; ${name}: ${value}` : `${name}=${value}`))
        .join(' ')}`,
      `plan      ${planWords(report.plan)}`,
      `prefill   ${report.prefillTokensPerSecond.toFixed(2)} tokens/s (${promptTokens} tokens), first token after ${report.firstTokenMs.toFixed(0)} ms`,
      `decode    ${report.decodeTokensPerSecond.toFixed(2)} tokens/s (${newTokens} tokens)`,
      `device    copies ${giga(peak.copyBytesPerSecond)} GB/s (${mib(peak.copiedBytes)} MiB at a time), multiply-adds ${giga(peak.flopsPerSecond)} ` +
      `GFLOP/s (${peak.fmaMs.toFixed(1)} ms at a time), by ${clockWords(peak.by)}`,
      `decode    reads ${mib(decode.bytesPerToken)} MiB per token, ${giga(decode.bytesPerSecond)} GB/s (${ofPeak(decode.ofCopy)} of copying), ` +
      `computes ${giga(decode.flopsPerSecond)} GFLOP/s (${ofPeak(decode.ofFma)} of multiply-adds)`,
      `prefill   computes ${giga(prefill.flopsPerSecond)} GFLOP/s (${ofPeak(prefill.ofFma)} of multiply-adds)`,
      `per token ${Object.entries(perToken)
        .map(([name, count]) => `${count} ${name}`)
        .join(', ')}`,
      `host      ${hostMsPerToken.toFixed(3)} ms per token (encoding and submitting)`,
      `GPU peak  ${mib(report.gpuBytesPeak)} MiB`,
      `load      ${loadMs.toFixed(0)} ms`,
      `checked   ${checkedWords(report)}`,
    ],
    contexts.length ? contextTable(contexts) : [],
    leftOut.map(({ context, seconds }) => `Context ${context} was left out: it would take ${seconds.toFixed(0)} s. Ask for it by name to run it.`),
    growth ? growthLines(growth) : [],
    kernels.length ? [`Kernels, by ${clockWords(timedBy!)}; ms of all dispatches of the kind in a step`, ...kernelTable(kernels)] : [],
    summaryLines(report),
    doubtLines(report),
    software ? ['This device is a program on the CPU, not a GPU. Engines made for the CPU may be faster on such a machine.'] : [],
  ];
  return blocks.filter((lines) => lines.length).map((lines) => lines.join('\n')).join('\n\n');
}

/** Streaming is another measurement than that of a model on the GPU: it has to leap to the eye. */
const planWords = ({ verdict, budgetBytes, totalBytes, keptBytes, streamedBytes, embedding }: BenchReport['plan']): string =>
  verdict === 'fits'
    ? `fits: ${mib(totalBytes)} MiB of a budget of ${mib(budgetBytes)}, nothing is streamed`
    : `STREAMS: the budget of ${mib(budgetBytes)} MiB keeps ${mib(keptBytes)} MiB of weights on the GPU; ${mib(streamedBytes)} MiB go there again ` +
      `for every token${embedding === 'gpu' ? '' : ', embeddings are looked up on the CPU'}. For the model as such, give a larger budget`;

const clockWords = (by: Peak['by']): string => (by === 'timestamps' ? 'timestamps of the GPU' : 'the time from submit to done');

const checkedWords = ({ checked: { selfTests, tokens, expected, contexts, kernels, rows } }: BenchReport): string =>
  [
    `${selfTests} tests of this model's kernels against plain loops`,
    `${tokens} tokens chosen twice alike`,
    expected ? `the first ${expected} as expected` : '',
    contexts ? `${contexts} contexts twice alike` : '',
    kernels ? `${kernels} timed kernels with the same bytes each time` : '',
    rows ? `${rows} rows of their products as by plain loops on the model's weights` : '',
  ]
    .filter(Boolean)
    .join(', ');

function contextTable(contexts: ContextSpeed[]): string[] {
  const rows = contexts.map((c) => [
    String(c.context),
    c.prefillTokensPerSecond.toFixed(2),
    c.firstTokenMs.toFixed(0),
    c.predicted.firstTokenMs.toFixed(0),
    c.predicted.firstTokenRatio.toFixed(2),
    c.decodeTokensPerSecond.toFixed(2),
    c.decodeMsPerToken.toFixed(2),
    c.predicted.msPerToken.toFixed(2),
    c.predicted.msPerTokenRatio.toFixed(2),
    mib(c.perToken.bytes),
    (c.perToken.flops / 1e6).toFixed(0),
  ]);
  return table(
    ['context', 'prefill/s', 'first token ms', 'predicted', 'ratio', 'decode/s', 'ms/token', 'predicted', 'ratio', 'MiB/token', 'MFLOP/token'],
    rows,
  );
}

const growthLines = ({ from, to, bytes, flops, measured, bound, ratio }: Growth): string[] => [
  `growth    from ${from} to ${to}: bytes per token ${bytes.toFixed(3)}x, FLOPs ${flops.toFixed(3)}x, measured time ${measured.toFixed(3)}x`,
  `          bound by ${bound}: measured over ${bound} is ${ratio.toFixed(3)} (at most 1.2 wanted)`,
];

function kernelTable(kernels: KernelSpeed[]): string[] {
  const rows = kernels.map((k) => [
    k.mode,
    k.name,
    k.kernel,
    String(k.step.rows),
    String(k.step.length),
    String(k.dispatches),
    k.ms.toFixed(3),
    giga(k.bytesPerSecond),
    giga(k.flopsPerSecond),
    ofPeak(k.ofCopy),
    ofPeak(k.ofFma),
    k.bound,
    ofPeak(k.share),
  ]);
  return table(['mode', 'name', 'kernel', 'tokens', 'context', 'n', 'ms', 'GB/s', 'GFLOP/s', 'of copy', 'of FMA', 'bound', 'share'], rows, 3);
}

/** Shares above 100 % of the whole model speak against the measured peak; those of single kernels may also come of caches. */
const doubtLines = ({ doubtful, kernels }: BenchReport): string[] => [
  ...(doubtful.length
    ? [
        `DOUBTFUL  more than the device's peak as it was measured: ${doubtful.join('; ')}. Something else ran while the peak was measured, or it ` +
        'is measured too low: do not quote these shares.',
      ]
    : []),
  ...(kernels.some(({ ofCopy, ofFma }) => Math.max(ofCopy, ofFma) > 1)
    ? ["Kernels marked ! exceed the device's peak: what they read again and again lies in a cache, or the peak is doubtful."]
    : []),
];

function summaryLines({ realised, launch, efficiency: e }: BenchReport): string[] {
  const { fidelity } = realised;
  return [
    `memory    peak ${mib(realised.peakBytes)} MiB of ${mib(realised.plannedBytes)} planned, keys and values ${realised.kv}, ` +
      `${realised.decodeTokensPerSecond.toFixed(2)} tokens/s` +
      (fidelity
        ? `, KL from f32 ${fidelity.meanKl.toExponential(1)} mean, ${fidelity.mostKl.toExponential(1)} most, ${percent(fidelity.sameToken)} same ` +
          `token (${fidelity.positions} positions)`
        : ''),
    `launch    host ${launch.hostMsPerToken.toFixed(3)} ms per token for ${launch.dispatchesPerToken} dispatches` +
      `${launch.gpuMsPerToken === undefined ? '' : `, their kernels ${launch.gpuMsPerToken.toFixed(2)} ms`}, GPU-bound from ` +
      `${launch.gpuBoundFromTokens ?? 'no'} tokens of a prompt on`,
    `in sum    ${ofPeak(e.memoryUtilisation)} of copying, ${ofPeak(e.computeUtilisation)} of multiply-adds, latency ${e.latencyMs.toFixed(2)} ms, ` +
      `${e.tokensPerSecond.toFixed(2)} tokens/s, ` +
      'CPU seconds per token (in place of energy) ' +
      `${typeof e.cpuSecondsPerToken === 'number' ? e.cpuSecondsPerToken.toFixed(3) : e.cpuSecondsPerToken}, ${e.bytesPerWeight.toFixed(3)} bytes ` +
      `per weight (${percent(e.ofF16)} of f16)`,
  ];
}
