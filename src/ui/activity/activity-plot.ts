// <windrow-plot>: lines over time, by uPlot. Loaded with the activity panel only.
import { css, html, LitElement, unsafeCSS, type TemplateResult } from 'lit';
import { property, query } from 'lit/decorators.js';
import uPlot from 'uplot';
import plotStyles from 'uplot/dist/uPlot.min.css?inline';
import { axisLabels } from './axis-labels.ts';

export interface Line {
  /** Points from left to right; NaN leaves a gap. */
  values: number[];
  /** A bound to compare with, drawn thin. */
  quiet?: boolean;
}

const height = 110;

export class Plot extends LitElement {
  @property() label = '';
  /** All of one length; how many there are never changes. */
  @property({ attribute: false }) lines: Line[] = [];
  /** A value in words; `step`, where it is one of an axis, is how far from the next one. */
  @property({ attribute: false }) format: (value: number, step?: number) => string = String;
  @query('div') private box!: HTMLElement;
  private plot: uPlot | null = null;
  private readonly dark = matchMedia('(prefers-color-scheme: dark)');
  /** Its colours are those of when it was drawn. */
  private readonly redraw = (): void => {
    this.plot?.destroy();
    this.plot = null;
    this.requestUpdate();
  };
  private readonly resize = new ResizeObserver(() => this.plot?.setSize({ width: this.box.clientWidth, height }));

  override render(): TemplateResult {
    const last = this.lines[0]?.values.findLast((value) => !Number.isNaN(value));
    return html`<div role="img" aria-label="${this.label}: ${last === undefined ? 'nothing yet' : `last ${this.format(last)}`}"></div>`;
  }

  override updated(): void {
    const data = [
      this.lines[0].values.map((_, i) => i + 1),
      ...this.lines.map(({ values }) => values.map((value) => (Number.isNaN(value) ? null : value))),
    ] as uPlot.AlignedData;
    if (this.plot) this.plot.setData(data);
    else this.draw(data);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.dark.addEventListener('change', this.redraw);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.dark.removeEventListener('change', this.redraw);
    this.resize.disconnect();
    this.plot?.destroy();
    this.plot = null;
  }

  private draw(data: uPlot.AlignedData): void {
    const style = getComputedStyle(this);
    const colour = (name: string): string => {
      this.box.style.color = `var(${name})`; // resolves light-dark()
      return style && getComputedStyle(this.box).color;
    };
    const [accent, quiet, line] = ['--accent', '--text-quiet', '--line'].map(colour);
    const axis = { stroke: quiet, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: '11px system-ui' };
    const points = { show: ({ data: [x] }: uPlot) => x.length < 40, fill: accent, size: 5 };
    this.plot = new uPlot(
      {
        width: this.box.clientWidth || 300,
        height,
        padding: [8, 8, 8, 0],
        legend: { show: false },
        cursor: { show: false },
        scales: { x: { time: false }, y: { range: (_, __, max) => [0, Math.max(max, 1e-9) * 1.15] } },
        axes: [
          { ...axis, show: false },
          { ...axis, size: 80, space: 28, values: (_, ticks) => axisLabels(ticks, this.format) },
        ],
        series: [
          {},
          ...this.lines.map(({ quiet: bound }) =>
            bound ? { stroke: quiet, width: 1, dash: [4, 4], points: { show: false } } : { stroke: accent, width: 2, points, spanGaps: false },
          ),
        ],
      },
      data,
      this.box,
    );
    this.resize.observe(this.box);
  }

  static override styles = [
    unsafeCSS(plotStyles),
    css`
      :host,
      div {
        display: block;
        min-height: ${height}px;
      }
    `,
  ];
}
