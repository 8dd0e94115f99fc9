// The look of a message around its Markdown.
import { css } from 'lit';

export const messageStyles = css`
  :host {
    display: block;
    min-width: 0;
  }
  .text {
    overflow-wrap: anywhere;
  }
  .user {
    width: fit-content;
    margin-inline-start: auto;
    padding: 0.55rem 1rem;
    border-radius: var(--radius);
    border-end-end-radius: 0.3rem;
    background: var(--bubble);
    white-space: pre-wrap;
  }
  .writing .block:last-child > :last-child::after,
  .writing .markdown:empty::after {
    display: inline-block;
    width: 0.5rem;
    height: 1.05em;
    margin-inline-start: 0.15rem;
    border-radius: 2px;
    background: var(--accent);
    vertical-align: text-bottom;
    content: '';
    animation: blink 1.1s steps(2, jump-none) infinite;
  }
  .writing .block:last-child > :is(.code, .table, ul, ol):last-child::after {
    content: none;
  }
  .reasoning {
    margin-bottom: 0.6rem;
  }
  .reasoning summary {
    width: fit-content;
    padding: 0.2rem 0;
    color: var(--text-quiet);
    font-size: var(--text-small);
    cursor: pointer;
  }
  .reasoning.thinking summary {
    animation: blink 1.6s ease-in-out infinite alternate;
  }
  .reasoning.thinking + .text .answer::after {
    content: none;
  }
  .thoughts {
    padding-inline-start: var(--gap);
    border-inline-start: 2px solid var(--line);
    color: var(--text-quiet);
    overflow-wrap: anywhere;
  }
  .more {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: var(--gap);
    margin-top: var(--gap-small);
  }
  .below {
    display: flex;
    align-items: center;
    flex-wrap: wrap;
    min-height: 2.25rem;
    margin-top: 0.15rem;
  }
  :host(.user) .below {
    justify-content: flex-end;
    margin-bottom: -0.6rem;
  }
  .note {
    color: var(--text-quiet);
    font-size: var(--text-small);
    font-variant-numeric: tabular-nums;
  }
  :host(:not(.user)) .tools {
    order: 1;
    margin-inline-start: 0.5rem;
  }
  :host(:not(.user)) .tools:only-child {
    margin-inline-start: -0.6rem; /* the first drawing stands below the text */
  }
  .tools {
    display: flex;
    transition: opacity 120ms;
  }
  .tools button {
    min-width: 2.25rem;
    min-height: 2.25rem;
  }
  .tools .icon {
    width: 1.05rem;
  }
  @media (hover: hover) {
    :host(:not(:hover, :focus-within, .last)) .tools {
      opacity: 0;
    }
  }
  .editor {
    display: grid;
    gap: var(--gap-small);
    width: min(32rem, 80vw);
    margin-inline-start: auto;
  }
  .editor textarea {
    max-height: 50dvh;
    padding: 0.7rem 1rem;
    border: 1px solid var(--line);
    border-radius: var(--radius);
    background: var(--surface);
    line-height: 1.5;
    resize: none;
    field-sizing: content;
  }
  .buttons {
    display: flex;
    justify-content: flex-end;
    gap: var(--gap-small);
  }
  @keyframes blink {
    to {
      opacity: 0.25;
    }
  }
`;
