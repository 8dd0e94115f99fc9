// The plots of bench.html, by uPlot: speed over contexts beside what the device would allow, and each kernel's share of the peak.
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { type BenchReport } from '../src/bench/report.ts';

interface Lines {
  title: string;
  x: number[];
  lines: { label: string; values: number[]; quiet?: boolean }[];
  bars?: boolean;
}

export function plots(box: HTMLElement, { contexts, kernels }: BenchReport): void {
  const x = contexts.map(({ context }) => context);
  const decode = kernels.filter(({ mode }) => mode === 'decode');
  const all: Lines[] = [
    {
      title: 'Milliseconds per token over context',
      x,
      lines: [
        { label: 'measured', values: contexts.map((c) => c.decodeMsPerToken) },
        { label: "by the device's peak", values: contexts.map((c) => c.predicted.msPerToken), quiet: true },
      ],
    },
    {
      title: 'First token after milliseconds',
      x,
      lines: [
        { label: 'measured', values: contexts.map((c) => c.firstTokenMs) },
        { label: "by the device's peak", values: contexts.map((c) => c.predicted.firstTokenMs), quiet: true },
      ],
    },
    { title: 'Prefill, tokens per second', x, lines: [{ label: 'measured', values: contexts.map((c) => c.prefillTokensPerSecond) }] },
    {
      title: "Percent of the device's peak, kernels of a token in order",
      x: decode.map((_, i) => i + 1),
      bars: true,
      lines: [{ label: 'share', values: decode.map(({ share }) => 100 * share) }],
    },
  ];
  box.replaceChildren();
  for (const plot of all) if (plot.x.length > 1) draw(box, plot);
}

function draw(box: HTMLElement, { title, x, lines, bars }: Lines): void {
  const section = document.createElement('section');
  const heading = document.createElement('h2');
  heading.textContent = title;
  const target = document.createElement('div');
  target.role = 'img';
  target.ariaLabel = `${title}: ${lines.map(({ label, values }) => `${label} ${values.map((value) => value.toPrecision(3)).join(', ')}`).join('; ')}`;
  section.append(heading, target);
  box.append(section);
  const colour = (name: string): string => {
    box.style.color = `var(${name})`; // resolves light-dark()
    const found = getComputedStyle(box).color;
    box.style.color = '';
    return found;
  };
  const [accent, quiet, line] = ['--accent', '--text-quiet', '--line'].map(colour);
  const axis = { stroke: quiet, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: '11px system-ui' };
  const series = lines.map(({ label, quiet: bound }): uPlot.Series => ({
    label, stroke: bound ? quiet : accent, width: bound ? 1 : 2, dash: bound ? [4, 4] : undefined,
    ...(bars ? { fill: accent, paths: uPlot.paths.bars?.({ size: [0.7] }), points: { show: false } } : {}),
  }));
  new uPlot(
    {
      width: 20 * parseFloat(getComputedStyle(document.documentElement).fontSize),
      height: 200,
      cursor: { show: false },
      legend: { show: lines.length > 1, live: false },
      scales: {
        x: { time: false, range: bars ? (_, min, max) => [min - 0.6, max + 0.6] : undefined },
        y: { range: (_, __, max) => [0, Math.max(max, 1e-9) * 1.1] },
      },
      axes: [axis, { ...axis, size: 60 }],
      series: [{}, ...series],
    },
    [x, ...lines.map(({ values }) => values)],
    target,
  );
}
