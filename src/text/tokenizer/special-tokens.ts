// Cuts special tokens out of a text before anything else is tokenised. Order as in llama.cpp: the longest spelling
// takes all its places first, then the next; so the result is not always the leftmost longest match.
import { isControl, isSpecial, type Vocabulary } from './vocabulary.ts';

/** A stretch of the text (UTF-16 units `start` to `end`), or a token found there. */
export interface Fragment {
  readonly start: number;
  readonly end: number;
  readonly id?: number;
}

/** Whether a control token's spelling at these UTF-16 units of the text is one: all, none or some of them (which then goes for every guarded token). */
export type ControlFilter = boolean | ((start: number, end: number) => boolean);

export type Partition = (text: string, control: ControlFilter) => Fragment[];

/** A tree of spellings by UTF-16 unit. */
interface Node {
  id: number;
  readonly next: Map<number, Node>;
}

export function createPartition(vocabulary: Vocabulary): Partition {
  const { spellings, kinds, guarded, trimmedAfter } = vocabulary;
  const utf8 = new TextEncoder();
  const byteLength = new Map<number, number>();
  const root: Node = { id: -1, next: new Map() };
  kinds.forEach((kind, id) => {
    if (!isSpecial(kind)) return;
    let node = root;
    const spelling = spellings[id];
    byteLength.set(id, utf8.encode(spelling).length);
    for (let i = 0; i < spelling.length; i++) {
      const unit = spelling.charCodeAt(i);
      let child = node.next.get(unit);
      if (!child) node.next.set(unit, (child = { id: -1, next: new Map() }));
      node = child;
    }
    node.id = id;
  });

  return (text, control) => {
    let fragments: Fragment[] = text ? [{ start: 0, end: text.length }] : [];
    const present = [...occurring(root, text)].filter((id) => control || !isControl(kinds[id]));
    present.sort((a, b) => byteLength.get(b)! - byteLength.get(a)! || a - b);
    for (const id of present) {
      const accept = guarded[id] && typeof control === 'function' ? control : undefined;
      fragments = cut(text, fragments, id, spellings[id], accept, trimmedAfter.has(id));
    }
    return fragments;
  };
}

/** The tokens that occur at all: of thousands of special tokens usually a handful. */
function occurring(root: Node, text: string): Set<number> {
  const found = new Set<number>();
  for (let i = 0; i < text.length; i++) {
    let node = root.next.get(text.charCodeAt(i));
    for (let j = i + 1; node; j++) {
      if (node.id >= 0) found.add(node.id);
      node = node.next.get(text.charCodeAt(j));
    }
  }
  return found;
}

function cut(
  text: string,
  fragments: readonly Fragment[],
  id: number,
  spelling: string,
  accept: Exclude<ControlFilter, boolean> | undefined,
  trimAfter: boolean,
): Fragment[] {
  const result: Fragment[] = [];
  let at = text.indexOf(spelling);
  for (const fragment of fragments) {
    if (fragment.id !== undefined) {
      result.push(fragment);
      continue;
    }
    let { start } = fragment;
    const { end } = fragment;
    for (;;) {
      while (at >= 0 && (at < start || (accept && !accept(at, at + spelling.length)))) at = text.indexOf(spelling, Math.max(start, at + 1));
      const after = at + spelling.length;
      if (at < 0 || after > end) break;
      if (at > start) result.push({ start, end: at });
      result.push({ id, start: at, end: after });
      start = after;
      while (trimAfter && start < end && isSpace(text.charCodeAt(start))) start++;
    }
    if (start < end) result.push({ start, end });
  }
  return result;
}

/** C's isspace. */
const isSpace = (unit: number): boolean => unit === 0x20 || (unit >= 9 && unit <= 13);
