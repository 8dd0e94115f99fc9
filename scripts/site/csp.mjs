// A vite plugin: writes the page's Content-Security-Policy into the built HTML. Not in dev, where vite needs inline scripts.

/**
 * Models come from anywhere, and the visitor may use one on a server of any address, hence connect-src: a site that offers its own alone names
 * these there. Everything else is the page's own.
 */
const policy = {
  'default-src': "'self'",
  'script-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self' data: blob:",
  'connect-src': '* blob: data:',
  'worker-src': "'self' blob:",
  'object-src': "'none'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'require-trusted-types-for': "'script'",
  'trusted-types': 'windrow lit-html',
};

/** @returns {import('vite').Plugin} */
export function contentSecurityPolicy() {
  const content = Object.entries(policy).map(([name, value]) => `${name} ${value}`).join('; ');
  return {
    name: 'content-security-policy',
    apply: 'build',
    transformIndexHtml: () => [{ tag: 'meta', attrs: { 'http-equiv': 'Content-Security-Policy', content }, injectTo: 'head-prepend' }],
  };
}
