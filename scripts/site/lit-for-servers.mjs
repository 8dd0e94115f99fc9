// @ts-check
// Takes Lit's builds for Node into the library: they do the same in a browser, and where there is no DOM, as where pages are
// rendered on a server, they can be imported and defined without one. https://lit.dev/docs/ssr/authoring/
import { existsSync } from 'node:fs';

/** @returns {import('vite').Plugin} */
export const litForServers = () => ({
  name: 'lit-for-servers',
  enforce: 'pre',
  async resolveId(source, importer, options) {
    const found = await this.resolve(source, importer, { ...options, skipSelf: true });
    const forNode = found?.id.replace(/\/node_modules\/(lit-html|@lit\/reactive-element)\/(?!node\/|development\/)/, '/node_modules/$1/node/');
    return found && forNode !== found.id && existsSync(/** @type {string} */ (forNode)) ? { ...found, id: /** @type {string} */ (forNode) } : null;
  },
});
