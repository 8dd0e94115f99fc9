// <windrow-kept>: how much of a conversation each key/value head still has, as a picture: a column for each layer, a cell for each head.
import { css, html, LitElement, svg, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import { type KeptSlots } from '../../protocol.ts';
import { keptWords } from './kept-words.ts';

const side = 10;
const step = side + 2;

export class Kept extends LitElement {
  @property({ attribute: false }) kept!: KeptSlots;

  override render(): TemplateResult {
    const { tokens, layers } = this.kept;
    const words = keptWords(this.kept);
    const most = Math.max(1, ...layers.map(({ length }) => length));
    // Opacity as an attribute of the drawing: a policy of the page forbids styles in elements.
    const cell = (slots: number, layer: number, head: number) => svg`<rect x=${layer * step} y=${head * step} width=${side} height=${side} rx="2"
      fill="currentColor" fill-opacity=${(slots / Math.max(1, tokens)).toFixed(3)} stroke="currentColor" stroke-opacity="0.25"></rect>`;
    return html`<figure>
      <figcaption>What each head of each layer keeps</figcaption>
      <svg role="img" aria-label=${words} viewBox="-1 -1 ${layers.length * step} ${most * step}" width=${layers.length * step} height=${most * step}>
        ${layers.map((heads, layer) => heads.map((slots, head) => cell(slots, layer, head)))}
      </svg>
      <p>${words}</p>
    </figure>`;
  }

  static override styles = css`
    figure,
    p {
      margin: 0;
    }
    figcaption,
    p {
      color: var(--text-quiet);
      font-size: var(--text-small);
    }
    svg {
      display: block;
      max-width: 100%;
      height: auto;
      margin-block: var(--gap-small);
      color: var(--accent);
    }
  `;
}
