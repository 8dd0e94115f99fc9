// From HTML text to nodes that are safe to show: only the tags that Markdown gives, no scripts, styles, handlers or
// addresses of other schemes. The only place of the page that parses HTML.
import createPurifier, { type Config } from 'dompurify';
import { windrowPolicy } from '../../api/trusted.ts';
import { safeAddress } from './renderer.ts';

/** What Temml gives, without links, styles and what it does not need. */
const mathsTags = [
  'math',
  'mrow',
  'mi',
  'mn',
  'mo',
  'ms',
  'mtext',
  'mspace',
  'mfrac',
  'msqrt',
  'mroot',
  'msub',
  'msup',
  'msubsup',
  'munder',
  'mover',
  'munderover',
  'mmultiscripts',
  'mprescripts',
  'mtable',
  'mtr',
  'mtd',
  'mpadded',
  'mphantom',
  'menclose',
  'mstyle',
];
const mathsAttributes = [
  'display',
  'displaystyle',
  'scriptlevel',
  'mathvariant',
  'stretchy',
  'symmetric',
  'fence',
  'separator',
  'form',
  'accent',
  'accentunder',
  'largeop',
  'movablelimits',
  'lspace',
  'rspace',
  'minsize',
  'maxsize',
  'width',
  'height',
  'depth',
  'voffset',
  'linethickness',
  'notation',
  'columnalign',
];

const config: Config = {
  ALLOWED_TAGS: [
    ...mathsTags,
    'p',
    'br',
    'hr',
    'strong',
    'em',
    'del',
    'code',
    'pre',
    'ul',
    'ol',
    'li',
    'blockquote',
    'h3',
    'h4',
    'h5',
    'h6',
    'table',
    'thead',
    'tbody',
    'tr',
    'th',
    'td',
    'a',
    'div',
    'span',
  ],
  ALLOWED_ATTR: ['href', 'target', 'rel', 'title', 'class', 'start', 'align', 'role', 'tabindex', 'aria-label', ...mathsAttributes],
  ALLOWED_URI_REGEXP: safeAddress,
  ADD_URI_SAFE_ATTR: ['target', 'rel', 'start', 'align', 'tabindex', 'aria-label', ...mathsAttributes], // only href is an address
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

let purifier: ReturnType<typeof createPurifier> | undefined;

export function sanitize(html: string): DocumentFragment {
  if (!purifier) {
    purifier = createPurifier(window);
    purifier.setConfig({ ...config, TRUSTED_TYPES_POLICY: windrowPolicy() as unknown as Config['TRUSTED_TYPES_POLICY'] });
  }
  return purifier.sanitize(html) as unknown as DocumentFragment;
}
