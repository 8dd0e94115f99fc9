// <windrow-plot>: a line over time, by uPlot. Loaded with the activity panel only.
import { css, html, LitElement, unsafeCSS, type TemplateResult } from 'lit';
import { property, query } from 'lit/decorators.js';
import uPlot from 'uplot';
import plotStyles from 'uplot/dist/uPlot.min.css?inline';

export class Plot extends LitElement {
  @property() label = '';
  /** Points from left to right; NaN leaves a gap. */
  @property({ attribute: false }) values: number[] = [];
  @property({ attribute: false }) format: (value: number) => string = String;
  @query('div') private box!: HTMLElement;
  private plot: uPlot | null = null;
  private readonly resize = new ResizeObserver(() => this.plot?.setSize({ width: this.box.clientWidth, height: 120 }));

  override render(): TemplateResult {
    return html`<div role="img" aria-label="${this.label}, last ${this.format(this.values.at(-1) ?? 0)}"></div>`;
  }

  override updated(): void {
    const data: uPlot.AlignedData = [this.values.map((_, i) => i + 1), this.values.map((value) => (Number.isNaN(value) ? null : value))];
    if (this.plot) this.plot.setData(data);
    else this.draw(data);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
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
    this.plot = new uPlot({
      width: this.box.clientWidth || 300,
      height: 120,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false }, y: { range: (_, __, max) => [0, Math.max(max, 1e-9) * 1.15] } },
      axes: [{ ...axis, show: false }, { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => this.format(tick)) }],
      series: [{}, { stroke: accent, width: 2, points: { show: data[0].length < 40, fill: accent, size: 5 }, spanGaps: false }],
    }, data, this.box);
    this.resize.observe(this.box);
  }

  static override styles = [
    unsafeCSS(plotStyles),
    css`
      :host,
      div {
        display: block;
        min-height: 120px;
      }
    `,
  ];
}
