// The look of a card in the middle of the page: a model that is planned, loaded or offered. No behaviour.
import { css } from 'lit';

export const card = css`
  :host {
    display: block;
    max-width: 38rem;
    margin: 0 auto;
    padding: clamp(1.5rem, 7vh, 4rem) var(--gap) var(--gap-large);
  }
  .card {
    display: grid;
    gap: var(--gap-small);
    padding: clamp(1.25rem, 5vw, 2rem);
    border: 1px solid var(--line);
    border-radius: var(--radius);
    background: var(--surface);
    box-shadow: var(--shadow);
  }
  h2 {
    font-size: 1.35rem;
    line-height: 1.3;
    overflow-wrap: anywhere;
  }
  progress {
    width: 100%;
    height: 0.5rem;
    margin-top: var(--gap-small);
    accent-color: var(--accent);
  }
  .buttons {
    display: flex;
    flex-wrap: wrap;
    gap: var(--gap-small);
    margin-top: var(--gap-small);
  }
`;
