// Shows growing Markdown in an element: only blocks that changed are made anew. Code gets a bar with its language and a
// button that copies it, and colours once it is finished; maths is typeset then.
import { MarkdownBlocks, type Block } from './blocks.ts';
import { copyText } from '../page/clipboard.ts';
import { sanitize } from './sanitize.ts';

/** Colouring longer code would hold up the page. */
const longestColoured = 20_000;

export class MarkdownView {
  private readonly reader = new MarkdownBlocks();
  private shown: { block: Block; element: HTMLElement }[] = [];

  constructor(private readonly container: HTMLElement) {}

  /** `writing`: more may follow, so the last block is not finished. */
  show(text: string, writing: boolean): void {
    const blocks = this.reader.update(text);
    let same = 0;
    while (same < this.shown.length && this.shown[same].block === blocks[same]) same++;
    for (const { element } of this.shown.splice(same)) element.remove();
    for (const block of blocks.slice(same)) {
      const element = document.createElement('div');
      element.className = 'block';
      element.dir = 'auto';
      element.append(sanitize(block.html));
      for (const pre of element.querySelectorAll('pre')) addBar(pre);
      this.container.append(element);
      this.shown.push({ block, element });
    }
    const finished = writing ? this.shown.slice(0, -1) : this.shown;
    for (const { element } of finished) {
      if (element.querySelector('pre > code[class]:not([data-coloured])')) void colour(element);
      if (element.querySelector('code.tex')) void typeset(element);
    }
  }
}

function addBar(pre: HTMLPreElement): void {
  const bar = document.createElement('div');
  const language = document.createElement('span');
  const copy = document.createElement('button');
  language.textContent = languageOf(pre.querySelector('code')!);
  copy.textContent = 'Copy';
  copy.setAttribute('aria-label', 'Copy code');
  copy.onclick = async () => {
    copy.textContent = (await copyText(pre.textContent ?? '')) ? 'Copied' : 'Not allowed';
    setTimeout(() => (copy.textContent = 'Copy'), 1500);
  };
  bar.className = 'bar';
  bar.append(language, copy);
  pre.tabIndex = 0; // it scrolls
  pre.dir = 'ltr';
  const box = document.createElement('div');
  box.className = 'code';
  pre.replaceWith(box);
  box.append(bar, pre);
}

const languageOf = (code: Element): string => /language-(\S+)/.exec(code.className)?.[1] ?? '';

/** Loading a library, and each block of code or formula, is a task of its own: together they would hold up the page. */
const nextTask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

async function colour(element: HTMLElement): Promise<void> {
  const codes = [...element.querySelectorAll<HTMLElement>('pre > code[class]:not([data-coloured])')];
  for (const code of codes) code.dataset.coloured = '';
  const highlighter = await import('./highlight.ts').catch(() => null); // without the network: code stays plain
  for (const code of codes) {
    await nextTask();
    const text = code.textContent ?? '';
    const html = text.length <= longestColoured ? highlighter?.highlight(text, languageOf(code)) : undefined;
    if (html !== undefined) code.replaceChildren(sanitize(html));
  }
}

async function typeset(element: HTMLElement): Promise<void> {
  const formulas = [...element.querySelectorAll<HTMLElement>('code.tex')];
  for (const formula of formulas) formula.classList.remove('tex');
  const maths = await import('./maths.ts').catch(() => null); // without the network: TeX stays as it was written
  for (const formula of formulas) {
    await nextTask();
    const html = maths?.typeset(formula.textContent ?? '', formula.classList.contains('display'));
    if (html === undefined) continue;
    const shown = sanitize(html);
    shown.querySelector('math')?.setAttribute('aria-label', formula.textContent ?? '');
    formula.replaceWith(shown);
  }
}
