// The look of the activity panel.
import { css } from 'lit';

export const activityStyles = css`
  dialog {
    width: 40rem;
  }
  header {
    display: flex;
    align-items: center;
    justify-content: space-between;
  }
  h2 {
    font-size: 1.25rem;
  }
  h3 {
    margin: 0 0 var(--gap-small);
    font-size: 1rem;
    font-weight: 600;
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
    height: 0.6rem;
  }
  input[type='range'] {
    width: 100%;
    min-height: var(--tap);
    accent-color: var(--accent);
  }
  .buttons {
    display: flex;
    flex-wrap: wrap;
    gap: var(--gap-small);
    margin-top: var(--gap-small);
  }
  p {
    overflow-wrap: anywhere;
  }
`;
