// Room in the browser's storage: what a store takes besides the weights, and which models could go to make room.

/** Bytes of a store besides the slabs: manifests with their headers, the database's own. */
export const marginBytes = 32 * 2 ** 20;

/** The models that have not been used for longest, as many as it takes to free `needBytes`; none if all together do not. */
export function leastUsed<Model extends { byteLength: number; lastUsed: number }>(models: readonly Model[], needBytes: number): Model[] {
  const chosen: Model[] = [];
  for (const model of [...models].sort((a, b) => a.lastUsed - b.lastUsed)) {
    if (needBytes <= 0) break;
    chosen.push(model);
    needBytes -= model.byteLength;
  }
  return needBytes <= 0 ? chosen : [];
}
