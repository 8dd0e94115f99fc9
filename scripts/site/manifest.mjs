// @ts-check
// Makes the Custom Elements Manifest of the sources that of the package: its modules are those that one can import, and what
// is private or has no name is left out. `npm run build` runs it after the analyzer.
import { readFileSync, writeFileSync } from 'node:fs';

/** @typedef {{ kind: string, name: string, privacy?: string }} Named */
/** @typedef {{ name: string, tagName?: string, members?: Named[], events?: { name?: string, description?: string }[], attributes?: Named[] }} Declaration */

const path = 'dist/lib/custom-elements.json';
const module = 'dist/lib/elements.js';

/** @param {{ modules: { declarations: Declaration[] }[] }} manifest as the analyzer gives it */
export function published({ modules, ...manifest }) {
  const declarations = modules.flatMap(({ declarations: found }) => found).map(({ members = [], events = [], ...rest }) => ({
    ...rest,
    members: members.filter(({ privacy }) => privacy !== 'private'),
    events: events.filter(({ description }) => description), // those that the class documents
  }));
  const exports = declarations.flatMap(({ name, tagName }) => {
    const declaration = { name, module };
    return [{ kind: 'js', name, declaration }, ...(tagName ? [{ kind: 'custom-element-definition', name: tagName, declaration }] : [])];
  });
  return { ...manifest, modules: [{ kind: 'javascript-module', path: module, declarations, exports }] };
}

if (process.argv[1] === import.meta.filename) writeFileSync(path, `${JSON.stringify(published(JSON.parse(readFileSync(path, 'utf8'))), null, 2)}\n`);
