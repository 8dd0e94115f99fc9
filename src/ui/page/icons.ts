// Line drawings for buttons, 24 x 24. No behaviour.
import { html, svg, type TemplateResult } from 'lit';

const paths = {
  plus: svg`<path d="M12 5v14M5 12h14" />`,
  menu: svg`<path d="M4 7h16M4 12h16M4 17h16" />`,
  close: svg`<path d="M6 6l12 12M18 6L6 18" />`,
  copy: svg`<rect x="9" y="9" width="11" height="11" rx="2" /><path d="M5 15H4.5a1.5 1.5 0 0 1-1.5-1.5v-9A1.5 1.5 0 0 1 4.5 3h9A1.5 1.5 0 0 1 15 4.5V5" />`,
  check: svg`<path d="M5 13l4.5 4.5L19 7" />`,
  edit: svg`<path d="M4 20l1-4.5L16 4.5a2 2 0 0 1 3 3L8 18.5z" />`,
  again: svg`<path d="M20 11a8 8 0 1 0-.6 4.5M20 5v6h-6" />`,
  trash: svg`<path d="M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.400L17 7M10.5 11v5M13.5 11v5" />`,
  sliders: svg`<path d="M4 8h9m4 0h3M4 16h3m4 0h9" /><circle cx="15" cy="8" r="2" /><circle cx="9" cy="16" r="2" />`,
  pulse: svg`<path d="M3 12h4l3-7 4 14 3-7h4" />`,
  model: svg`<path d="M12 3l8 4.5v9L12 21l-8-4.5v-9z" /><path d="M4 7.5l8 4.5 8-4.5M12 12v9" />`,
  away: svg`<path d="M13 5h6v6M19 5l-8.500 8.500M17 14v4a1.500 1.500 0 0 1-1.500 1.500h-9A1.500 1.500 0 0 1 5 18V9a1.500 1.500 0 0 1 1.500-1.500H10" />`,
  search: svg`<circle cx="11" cy="11" r="6.5" /><path d="M16 16l4.5 4.5" />`,
};

export const icon = (name: keyof typeof paths): TemplateResult =>
  html`<svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">${paths[name]}</svg>`;
