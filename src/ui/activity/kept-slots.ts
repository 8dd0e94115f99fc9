// <windrow-kept>: how much of a conversation each key/value head still has, as a picture: a column for each layer, a cell for each head.
import { css, html, LitElement, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import { type KeptSlots } from '../../protocol.ts';
import { keptWords } from './kept-words.ts';

export class Kept extends LitElement {
  @property({ attribute: false }) kept!: KeptSlots;

  override render(): TemplateResult {
    const { tokens, layers } = this.kept;
    const words = keptWords(this.kept);
    const cell = (slots: number) => html`<i style="opacity: ${(slots / Math.max(1, tokens)).toFixed(3)}"></i>`;
    return html`<figure>
      <figcaption>What each head of each layer keeps</figcaption>
      <div role="img" aria-label=${words}>${layers.map((heads) => html`<div>${heads.map(cell)}</div>`)}</div>
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
    [role='img'] {
      display: flex;
      flex-flow: row wrap;
      gap: 2px;
      margin-block: var(--gap-small);
    }
    [role='img'] div {
      display: flex;
      flex-direction: column;
      gap: 1px;
      background: var(--bubble);
    }
    i {
      width: 0.7rem;
      height: 0.7rem;
      background: var(--accent);
    }
  `;
}
