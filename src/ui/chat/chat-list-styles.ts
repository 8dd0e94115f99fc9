// The look of the list of conversations.
import { css } from 'lit';

export const chatListStyles = css`
  :host {
    display: block;
    height: 100%;
  }
  nav {
    display: flex;
    flex-direction: column;
    gap: var(--gap-small);
    height: 100%;
    padding: 0.75rem;
  }
  .new {
    justify-content: flex-start;
    padding: 0 0.75rem;
  }
  .search {
    display: flex;
    align-items: center;
    gap: var(--gap-small);
    padding-inline-start: 0.75rem;
    border-radius: var(--radius-small);
    color: var(--text-quiet);
  }
  .search:focus-within {
    outline: 2px solid var(--accent);
  }
  .search input {
    flex: 1;
    min-width: 0;
    min-height: 2.5rem;
    border: 0;
    outline: 0;
    background: none;
    color: var(--text);
  }
  .search input::placeholder {
    color: var(--text-quiet);
    opacity: 1;
  }
  ul {
    flex: 1;
    min-height: 0;
    margin: 0;
    padding: 2px;
    overflow-y: auto;
    list-style: none;
  }
  li {
    display: flex;
    align-items: center;
    border-radius: var(--radius-small);
    content-visibility: auto;
    contain-intrinsic-height: auto 2.75rem;
  }
  li:is(:hover, .current) {
    background: var(--bubble);
  }
  .open {
    flex: 1;
    display: block;
    min-width: 0;
    padding: 0 0.75rem;
    border: 0;
    background: none;
    overflow: hidden;
    text-align: start;
    text-overflow: ellipsis;
    white-space: nowrap;
    unicode-bidi: plaintext;
  }
  .tools {
    display: none;
  }
  li:is(:hover, :focus-within, .current) .tools {
    display: flex;
  }
  .tools button {
    min-width: 2.25rem;
  }
  li .icon {
    width: 1.05rem;
  }
  form {
    flex: 1;
  }
  .none {
    order: -1;
    padding: 0.25rem 0.75rem;
  }
  .new,
  .search {
    order: -2;
  }
  footer {
    display: flex;
    border-top: 1px solid var(--line);
    padding-top: var(--gap-small);
  }
  footer > * {
    flex: 1;
    border-color: transparent;
    background: none;
    color: var(--text-quiet);
    font-size: var(--text-small);
  }
`;
