// The Trusted Types policy `windrow`: the two places where windrow turns text into a document or a script. Pages without
// Trusted Types get the text itself. See docs/embedding.md for the header.

interface Policy {
  createHTML(text: string): string;
  createScriptURL(url: string): string;
}
interface PolicyFactory {
  createPolicy(name: string, rules: Policy): Policy;
}

const rules: Policy = { createHTML: (text) => text, createScriptURL: (url) => url };
let policy: Policy | undefined;

/** Made on first use, since a policy of this name may be made once per page. Its results are typed as the text they stand for. */
export function windrowPolicy(): Policy {
  const { trustedTypes } = globalThis as { trustedTypes?: PolicyFactory };
  return (policy ??= trustedTypes?.createPolicy('windrow', rules) ?? rules);
}

/** An address of windrow's own scripts: the worker, the service worker. Never one that a page's visitor typed. */
export const scriptAddress = (url: string | URL): string => windrowPolicy().createScriptURL(String(url));
