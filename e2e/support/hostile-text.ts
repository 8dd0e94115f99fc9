// An answer that attacks the page, and what a page makes of it. Run in each browser, from an imported chat.

export const hostile = [
  '<script>document.title = "hit"</script>',
  '<img src="https://evil.example/a.png" onerror="document.title=\'hit\'">',
  '<svg onload="document.title=\'hit\'"><style>*{display:none}</style></svg>',
  '<iframe srcdoc="<script>parent.document.title=\'hit\'</script>"></iframe><form action="https://evil.example"><input name=q></form>',
  '[click](javascript:document.title="hit") [data](data:text/html,<script>1</script>) [tabs](java\tscript:alert(1)) <javascript:alert(1)>',
  '![pixel](https://evil.example/pixel.png) ![x](x "onerror=alert(1)")',
  '[good](https://example.org/ "a title") https://example.org/auto',
  '[ref]: javascript:alert(1)\n\n[ref]',
  '```"><img src=x onerror=alert(1)>\n<b>code</b>\n```',
  '| <img src=x onerror=alert(1)> | b |\n|---|---|\n| <script>1</script> | d |',
  'a\u0000b\u001b[31m \u202Eevil\u202C \u2066x\u2069',
].join('\n\n');

/** What of it came to life in an answer's element, and its text. Runs in the page. */
export function aliveIn(message: Element): { tags: string[]; handlers: string[]; links: string[]; text: string } {
  const markdown = message.shadowRoot!.querySelector('.markdown')!;
  const all = [...markdown.querySelectorAll('*')];
  const active = ['script', 'img', 'svg', 'style', 'iframe', 'form', 'input', 'object', 'embed', 'link', 'meta', 'base'];
  return {
    tags: [...new Set(all.map(({ localName }) => localName))].filter((name) => active.includes(name)),
    handlers: all.flatMap((element) => element.getAttributeNames()).filter((name) => name.startsWith('on') || name === 'style' || name === 'srcdoc'),
    links: all.map((element) => element.getAttribute('href')).filter((href) => href !== null).filter((href) => !/^(https?:\/\/|mailto:)/.test(href)),
    text: markdown.textContent!,
  };
}
