// Whether what an older windrow stored can be brought to the present layout. How that is done (convert.ts) comes when it has to be.
import { type Layout, hasColumns, layoutVersion } from '../layout.ts';
import { type Manifest } from '../store/store.ts';

/** Layouts that there is a step from to the next one. */
const oldVersions = [0] as const;
export type OldVersion = (typeof oldVersions)[number];

/** True if slabs of `version` can be brought to the present layout. */
export function isConvertible(version: number): boolean {
  while (version < layoutVersion && oldVersions.some((old) => old === version)) version++;
  return version === layoutVersion;
}

/** Whether slabs were cut as this windrow cuts them, by the same rows or columns, whatever lies in them. */
export const isCutAs = ({ slabBytes, columns = false }: Pick<Manifest, 'slabBytes' | 'columns'>, layout: Pick<Layout, 'sections' | 'slabs'>): boolean =>
  columns === hasColumns(layout) && slabBytes.length === layout.slabs.length && layout.slabs.every(({ byteLength }, i) => byteLength === slabBytes[i]);
