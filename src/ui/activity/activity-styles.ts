// The look of the activity panel.
import { css } from 'lit';

export const activityStyles = css`
  dialog {
    width: 44rem;
    max-width: calc(100vw - 2 * var(--gap));
  }
  .plots {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(17rem, 100%), 1fr));
    gap: var(--gap) var(--gap-large);
    margin-top: var(--gap);
  }
  figure {
    min-width: 0;
    margin: 0;
  }
  figcaption {
    color: var(--text-quiet);
    font-size: var(--text-small);
  }
  header {
    display: flex;
    align-items: center;
    justify-content: space-between;
  }
  h3 {
    margin: 0 0 var(--gap-small);
    font-size: 1rem;
    font-weight: 600;
  }
  .field {
    margin-block: var(--gap-small);
  }
  section {
    padding-top: 1.25rem;
  }
  dl {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr));
    gap: var(--gap-small) var(--gap);
    margin: 0;
    line-height: 1.4;
  }
  dt {
    color: var(--text-quiet);
    font-size: var(--text-small);
  }
  dd {
    margin: 0;
    font-variant-numeric: tabular-nums;
  }
  meter {
    width: 100%;
    height: 0.35rem;
    border: 0;
    border-radius: 1rem;
    background: var(--bubble);
    appearance: none;
    overflow: hidden;
  }
  meter::-webkit-meter-inner-element {
    display: block;
  }
  meter::-webkit-meter-bar {
    height: 0.35rem;
    border: 0;
    background: var(--bubble);
  }
  meter::-webkit-meter-optimum-value {
    background: var(--accent);
  }
  meter::-moz-meter-bar {
    background: var(--accent);
  }
  p {
    overflow-wrap: anywhere;
  }
  a {
    color: var(--accent);
  }
`;
