// TeX as MathML, by Temml. Loaded when the first formula is finished. Trusts nothing: no links, no images, no styles, and
// bounds on sizes and on macros; what it gives is sanitised like everything else.
import temml from 'temml';

/** Most macro expansions of a formula, and most em of a rule or space. */
const bounds = { maxExpand: 200, maxSize: [40, 40] as [number, number] };

/** Undefined where `tex` is no TeX that Temml knows: it is then shown as it was written. */
export function typeset(tex: string, display: boolean): string | undefined {
  try {
    return temml.renderToString(tex, { ...bounds, displayMode: display, throwOnError: true, trust: false }).replace(/ style="[^"]*"/g, '');
  } catch {
    return undefined;
  }
}
