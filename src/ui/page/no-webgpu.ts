// <windrow-no-webgpu>: what to do when the browser gives the page no GPU.
import { css, html, LitElement, type TemplateResult } from 'lit';
import { controls } from './controls.ts';

export class NoWebGpu extends LitElement {
  override render(): TemplateResult {
    return html`
      <h2>${!isSecureContext ? 'This page has to be opened over https' : navigator.gpu ? 'The browser found no usable GPU' : 'This browser has no WebGPU'}</h2>
      <p>The model runs on your own GPU, through WebGPU. What may help:</p>
      <ul>
        ${
          isSecureContext
            ? ''
            : html`<li>Open the page over <strong>https</strong> or from <strong>localhost</strong>: browsers offer WebGPU only there.
                Chats that were kept at this address can be read here all the same.</li>`
        }
        <li><strong>Chrome or Edge</strong>: a current version. On Linux, switch on
          <code>chrome://flags/#enable-unsafe-webgpu</code> and <code>#enable-vulkan</code>.</li>
        <li><strong>Safari</strong>: version 26 or later.</li>
        <li><strong>Firefox</strong>: a current version on Windows or macOS; elsewhere set <code>dom.webgpu.enabled</code> in <code>about:config</code>.</li>
        <li>Allow hardware acceleration in the browser’s settings, and update the graphics driver.</li>
      </ul>
      <button @click=${() => location.reload()}>Try again</button>
      <slot></slot>
    `;
  }

  static override styles = [
    controls,
    css`
      :host {
        display: grid;
        justify-items: start;
        gap: var(--gap);
        max-width: 38rem;
        margin: 0 auto;
        padding: clamp(1.5rem, 8vh, 5rem) var(--gap) var(--gap-large);
      }
      h2 {
        font-size: 1.35rem;
        line-height: 1.3;
      }
      ul {
        display: grid;
        gap: var(--gap-small);
        margin: 0;
        padding-left: 1.2rem;
      }
      code {
        overflow-wrap: anywhere;
        font-size: 0.9em;
      }
    `,
  ];
}
