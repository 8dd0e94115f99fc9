// The look of Markdown inside a message.
import { css } from 'lit';

export const markdownStyles = css`
  .block > *,
  .block li > p,
  .block blockquote > * {
    margin: 0 0 0.75em;
  }
  .block:last-child > :last-child,
  .block li > :last-child,
  .block blockquote > :last-child {
    margin-bottom: 0;
  }
  .block p,
  .block li,
  .block h3,
  .block h4,
  .block h5,
  .block h6,
  .block td {
    unicode-bidi: plaintext;
    text-align: start;
  }
  .plain {
    white-space: pre-wrap;
  }
  h3,
  h4,
  h5,
  h6 {
    margin-top: 1.1em;
    font-size: 1rem;
    font-weight: 650;
    line-height: 1.35;
  }
  h3 {
    font-size: 1.3rem;
  }
  h4 {
    font-size: 1.12rem;
  }
  .block:first-child > :is(h3, h4, h5, h6) {
    margin-top: 0;
  }
  ul,
  ol {
    padding-inline-start: 1.5em;
  }
  li + li {
    margin-top: 0.25em;
  }
  li > :is(ul, ol) {
    margin-top: 0.25em;
  }
  blockquote {
    padding-inline-start: 1em;
    border-inline-start: 3px solid var(--line);
    color: var(--text-quiet);
  }
  hr {
    border: 0;
    border-top: 1px solid var(--line);
  }
  a {
    color: var(--accent);
    text-underline-offset: 0.15em;
  }
  code {
    padding: 0.1em 0.35em;
    border-radius: 0.3rem;
    background: var(--bubble);
    font: 0.875em / 1.55 var(--font-code);
  }
  p:has(math[display='block']) {
    overflow-x: auto;
    overflow-y: hidden;
  }
  math {
    font-size: 1.08em;
  }
  math[display='block'] {
    display: block math;
    margin: 0.25em 0;
  }
  mtd.tml-right {
    text-align: right;
  }
  mtd.tml-left {
    text-align: left;
  }
  .code {
    border: 1px solid var(--line);
    border-radius: var(--radius-small);
    background: var(--code);
    overflow: hidden;
  }
  .code + * {
    margin-top: 0.75em;
  }
  .bar {
    display: flex;
    align-items: center;
    justify-content: space-between;
    min-height: 2.25rem;
    padding-inline-start: 1rem;
    border-bottom: 1px solid var(--line);
    color: var(--text-quiet);
    font-size: 0.8rem;
  }
  .bar button {
    min-height: 2.25rem;
    padding: 0 1rem;
    border: 0;
    background: none;
    color: inherit;
    font: inherit;
    cursor: pointer;
  }
  .bar button:hover {
    color: var(--text);
  }
  pre {
    margin: 0;
    padding: 0.8rem 1rem;
    overflow-x: auto;
    tab-size: 4;
  }
  pre code {
    padding: 0;
    background: none;
    overflow-wrap: normal;
  }
  .table {
    overflow-x: auto;
  }
  table {
    border-collapse: collapse;
    font-size: 0.94em;
    line-height: 1.45;
  }
  th,
  td {
    min-width: 4rem;
    padding: 0.45rem 0.9rem;
    border-bottom: 1px solid var(--line);
    overflow-wrap: normal;
    vertical-align: top;
  }
  th {
    color: var(--text-quiet);
    font-weight: 600;
    text-align: start;
  }
  :is(th, td)[align='right'] {
    text-align: end;
  }
  :is(th, td)[align='center'] {
    text-align: center;
  }
  :is(th, td):first-child {
    padding-inline-start: 0;
  }
  .hljs-comment,
  .hljs-quote,
  .hljs-meta {
    color: var(--text-quiet);
  }
  .hljs-keyword,
  .hljs-selector-tag,
  .hljs-tag,
  .hljs-name,
  .hljs-deletion {
    color: var(--code-keyword);
  }
  .hljs-string,
  .hljs-regexp,
  .hljs-addition,
  .hljs-attr {
    color: var(--code-string);
  }
  .hljs-number,
  .hljs-literal,
  .hljs-built_in,
  .hljs-type,
  .hljs-symbol {
    color: var(--code-number);
  }
  .hljs-title,
  .hljs-section,
  .hljs-attribute {
    color: var(--code-title);
  }
`;
