// The theme of an element in someone else's page: the tokens of theme.css on the host, for all elements inside. One that
// lies `inside` another has the other's theme.
import { css, unsafeCSS } from 'lit';
import theme from './theme.css?inline';

export const hostTheme = [
  unsafeCSS(theme.replaceAll(':host', ':host(:not([inside]))')),
  css`
    :host {
      display: block;
    }
    :host(:not([inside])) {
      background: var(--page);
      color: var(--text);
      font: 1rem / var(--line-height) var(--font);
    }
    :host([hidden]) {
      display: none;
    }
    :host([theme='light']) {
      color-scheme: light;
    }
    :host([theme='dark']) {
      color-scheme: dark;
    }
  `,
];
