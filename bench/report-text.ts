// A benchmark's report for people.
import { describeShapes } from '../src/engine/shapes.ts';
import { type ContextSpeed, type Growth } from './contexts.ts';
import { type KernelSpeed } from './kernels.ts';
import { type BenchReport } from './report.ts';
import { giga, mib, percent, table } from './table.ts';

export function reportText(report: BenchReport): string {
  const { adapter, host, model, shapes, loadMs, peak, promptTokens, newTokens, decode, prefill, perToken, hostMsPerToken, contexts, leftOut, growth, kernels, timedBy, software } = report;
  const blocks = [
    [
      `adapter   ${adapter}; ${host}`,
      `model     ${model.name}, ${(model.parameters / 1e6).toFixed(1)} million weights`,
      `shapes    ${Object.entries(describeShapes(shapes)).map(([name, value]) => (value.includes('=') ? `; ${name}: ${value}` : `${name}=${value}`)).join(' ')}`,
      `prefill   ${report.prefillTokensPerSecond.toFixed(2)} tokens/s (${promptTokens} tokens), first token after ${report.firstTokenMs.toFixed(0)} ms`,
      `decode    ${report.decodeTokensPerSecond.toFixed(2)} tokens/s (${newTokens} tokens)`,
      `device    copies ${giga(peak.copyBytesPerSecond)} GB/s, multiply-adds ${giga(peak.flopsPerSecond)} GFLOP/s`,
      `decode    reads ${mib(decode.bytesPerToken)} MiB per token, ${giga(decode.bytesPerSecond)} GB/s (${percent(decode.ofCopy)} of copying), computes ${giga(decode.flopsPerSecond)} GFLOP/s (${percent(decode.ofFma)} of multiply-adds)`,
      `prefill   computes ${giga(prefill.flopsPerSecond)} GFLOP/s (${percent(prefill.ofFma)} of multiply-adds)`,
      `per token ${Object.entries(perToken).map(([name, count]) => `${count} ${name}`).join(', ')}`,
      `host      ${hostMsPerToken.toFixed(3)} ms per token (encoding and submitting)`,
      `GPU peak  ${mib(report.gpuBytesPeak)} MiB`,
      `load      ${loadMs.toFixed(0)} ms`,
      `checked   ${checkedWords(report)}`,
    ],
    contexts.length ? contextTable(contexts) : [],
    leftOut.map(({ context, seconds }) => `Context ${context} was left out: it would take ${seconds.toFixed(0)} s. Ask for it by name to run it.`),
    growth ? growthLines(growth) : [],
    kernels.length ? [`Kernels, by ${timedBy === 'timestamps' ? 'timestamps of the GPU' : 'the time from submit to done'}; ms of all dispatches of the kind in a step`, ...kernelTable(kernels)] : [],
    summaryLines(report),
    software ? ['This device is a program on the CPU, not a GPU. Engines made for the CPU may be faster on such a machine.'] : [],
  ];
  return blocks.filter((lines) => lines.length).map((lines) => lines.join('\n')).join('\n\n');
}

const checkedWords = ({ checked: { selfTests, tokens, expected, contexts, kernels } }: BenchReport): string =>
  [
    `${selfTests} tests of this model's kernels against plain loops`, `${tokens} tokens chosen twice alike`, expected ? `the first ${expected} as expected` : '',
    contexts ? `${contexts} contexts twice alike` : '', kernels ? `${kernels} timed kernels with the same bytes each time` : '',
  ].filter(Boolean).join(', ');

function contextTable(contexts: ContextSpeed[]): string[] {
  const rows = contexts.map((c) => [
    String(c.context), c.prefillTokensPerSecond.toFixed(2), c.firstTokenMs.toFixed(0), c.predicted.firstTokenMs.toFixed(0), c.predicted.firstTokenRatio.toFixed(2),
    c.decodeTokensPerSecond.toFixed(2), c.decodeMsPerToken.toFixed(2), c.predicted.msPerToken.toFixed(2), c.predicted.msPerTokenRatio.toFixed(2), mib(c.perToken.bytes), (c.perToken.flops / 1e6).toFixed(0),
  ]);
  return table(['context', 'prefill/s', 'first token ms', 'predicted', 'ratio', 'decode/s', 'ms/token', 'predicted', 'ratio', 'MiB/token', 'MFLOP/token'], rows);
}

const growthLines = ({ from, to, bytes, flops, measured, bound, ratio }: Growth): string[] => [
  `growth    from ${from} to ${to}: bytes per token ${bytes.toFixed(3)}x, FLOPs ${flops.toFixed(3)}x, measured time ${measured.toFixed(3)}x`,
  `          bound by ${bound}: measured over ${bound} is ${ratio.toFixed(3)} (at most 1.2 wanted)`,
];

function kernelTable(kernels: KernelSpeed[]): string[] {
  const rows = kernels.map((k) => [
    k.mode, k.name, k.kernel, String(k.step.rows), String(k.step.length), String(k.dispatches), k.ms.toFixed(3), giga(k.bytesPerSecond), giga(k.flopsPerSecond), percent(k.ofCopy), percent(k.ofFma), k.bound, percent(k.share),
  ]);
  return table(['mode', 'name', 'kernel', 'tokens', 'context', 'n', 'ms', 'GB/s', 'GFLOP/s', 'of copy', 'of FMA', 'bound', 'share'], rows, 3);
}

function summaryLines({ realised, launch, efficiency: e }: BenchReport): string[] {
  const { fidelity } = realised;
  return [
    `memory    peak ${mib(realised.peakBytes)} MiB of ${mib(realised.plannedBytes)} planned, keys and values ${realised.kv}, ${realised.decodeTokensPerSecond.toFixed(2)} tokens/s`
      + (fidelity ? `, KL from f32 ${fidelity.meanKl.toExponential(1)} mean, ${fidelity.mostKl.toExponential(1)} most, ${percent(fidelity.sameToken)} same token (${fidelity.positions} positions)` : ''),
    `launch    host ${launch.hostMsPerToken.toFixed(3)} ms per token for ${launch.dispatchesPerToken} dispatches`
      + `${launch.gpuMsPerToken === undefined ? '' : `, their kernels ${launch.gpuMsPerToken.toFixed(2)} ms`}, GPU-bound from ${launch.gpuBoundFromTokens ?? 'no'} tokens of a prompt on`,
    `in sum    ${percent(e.memoryUtilisation)} of copying, ${percent(e.computeUtilisation)} of multiply-adds, latency ${e.latencyMs.toFixed(2)} ms, ${e.tokensPerSecond.toFixed(2)} tokens/s, `
      + `CPU seconds per token (in place of energy) ${typeof e.cpuSecondsPerToken === 'number' ? e.cpuSecondsPerToken.toFixed(3) : e.cpuSecondsPerToken}, ${e.bytesPerWeight.toFixed(3)} bytes per weight (${percent(e.ofF16)} of f16)`,
  ];
}
