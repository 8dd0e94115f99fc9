// The look of buttons, inputs and quiet text, shared by the elements. No behaviour.
import { css } from 'lit';

export const controls = css`
  * {
    box-sizing: border-box;
  }
  button,
  .button,
  input,
  select,
  textarea {
    font: inherit;
    color: inherit;
  }
  button,
  .button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: var(--gap-small);
    min-height: var(--tap);
    padding: 0 1.1rem;
    border: 1px solid var(--line);
    border-radius: var(--radius-small);
    background: var(--surface);
    cursor: pointer;
    transition: background 120ms, border-color 120ms;
  }
  button:hover:not(:disabled),
  .button:hover {
    border-color: var(--accent);
  }
  button:disabled {
    opacity: 0.5;
    cursor: default;
  }
  button.primary {
    border-color: transparent;
    background: var(--accent);
    color: var(--on-accent);
    font-weight: 600;
  }
  button.primary:hover:not(:disabled) {
    background: var(--accent-strong);
  }
  button.plain {
    border-color: transparent;
    background: none;
    color: var(--text-quiet);
    padding: 0 0.7rem;
  }
  button.plain:hover:not(:disabled) {
    color: var(--text);
    background: var(--bubble);
  }
  button.icon-button {
    min-width: var(--tap);
    padding: 0;
  }
  .icon {
    flex: none;
    fill: none;
    stroke: currentColor;
    stroke-linecap: round;
    stroke-linejoin: round;
    stroke-width: 1.8;
  }
  button.danger {
    color: var(--danger);
  }
  label.field {
    display: grid;
    align-content: start;
    gap: 0.25rem;
  }
  .field input,
  .field select,
  .field textarea,
  input.text {
    width: 100%;
    min-width: 0;
    min-height: var(--tap);
    padding: 0.5rem 0.9rem;
    border: 1px solid var(--line);
    border-radius: var(--radius-small);
    background: var(--surface);
  }
  ::placeholder {
    color: var(--text-quiet);
    opacity: 1;
  }
  dialog {
    max-width: min(32rem, calc(100vw - 2 * var(--gap)));
    max-height: calc(100dvh - 2 * var(--gap));
    padding: clamp(1.25rem, 4vw, 1.75rem);
    border: 1px solid var(--line);
    border-radius: var(--radius);
    background: var(--surface);
    color: var(--text);
  }
  dialog form {
    display: grid;
    gap: var(--gap);
  }
  dialog h2 {
    font-size: 1.25rem;
  }
  dialog .buttons {
    display: flex;
    justify-content: flex-end;
    gap: var(--gap-small);
  }
  dialog::backdrop {
    background: rgb(15 20 15 / 45%);
  }
  :focus-visible,
  .button:has(:focus-visible) {
    outline: 2px solid var(--accent);
    outline-offset: 2px;
  }
  .quiet {
    color: var(--text-quiet);
    font-size: var(--text-small);
  }
  .hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  h1,
  h2,
  p {
    margin: 0;
  }
  @media (prefers-reduced-motion: reduce) {
    *,
    ::before,
    ::after {
      animation: none !important;
      transition: none !important;
    }
  }
`;
