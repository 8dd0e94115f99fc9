// <windrow-no-model>: stands where the composer would be while no model is loaded. Event: choose-model.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import { controls } from '../page/controls.ts';

export class NoModel extends LitElement {
  /** False where the browser has no WebGPU. */
  @property({ attribute: false }) supported = true;

  override render(): TemplateResult {
    return html`
      <p class="quiet">${
        this.supported ? 'Load a model to go on with this chat.' : 'This browser has no usable WebGPU: chats can be read, but not gone on with.'
      }</p>
      ${this.supported ? html`<button class="primary" @click=${() => this.dispatchEvent(new CustomEvent('choose-model'))}>Choose a model</button>` : nothing}
    `;
  }

  static override styles = [
    controls,
    css`
      :host {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: center;
        gap: var(--gap-small) var(--gap);
        padding: var(--gap);
        border-top: 1px solid var(--line);
      }
    `,
  ];
}
