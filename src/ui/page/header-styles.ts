// The look of the header.
import { css } from 'lit';

export const headerStyles = css`
  :host {
    display: block;
    border-bottom: 1px solid var(--line);
  }
  .bar {
    display: flex;
    align-items: center;
    gap: 0.25rem;
    min-height: 3.75rem;
    padding: 0.35rem var(--gap);
  }
  .model {
    flex: 1;
    min-width: 0;
    margin-inline-start: 0.6rem;
    line-height: 1.3;
  }
  h1 {
    overflow: hidden;
    font-size: 1rem;
    font-weight: 650;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  button {
    padding: 0 0.6rem;
    font-size: var(--text-small);
    white-space: nowrap;
  }
  .model p {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .away {
    color: var(--away);
    font-weight: 600;
  }
  .dot {
    display: inline-block;
    width: 0.5rem;
    height: 0.5rem;
    margin-inline-end: 0.4rem;
    border-radius: 50%;
    background: var(--text-quiet);
    opacity: 0.6;
  }
  .dot:is(.ready, .busy) {
    background: var(--accent);
    opacity: 1;
  }
  .dot:is(.busy, .loading) {
    animation: breathe 1.4s ease-in-out infinite;
  }
  @keyframes breathe {
    50% {
      opacity: 0.25;
    }
  }
  @media (min-width: 60rem) {
    .narrow {
      display: none;
    }
  }
  @media (max-width: 34rem) {
    .bar {
      padding: 0.35rem 0.5rem;
    }
    img {
      display: none;
    }
    .model {
      margin-inline-start: 0.25rem;
    }
    .label {
      position: absolute;
      clip-path: inset(50%);
    }
    .bar > button {
      min-width: 2.5rem;
      padding: 0;
    }
    .bar > button:not(.icon-button, :has(.icon)) {
      padding: 0 0.6rem;
    }
  }
`;
