// Whether what an older windrow stored can be brought to the present layout. How that is done (convert.ts) comes when it has to be.
import { type Layout, layoutVersion } from '../layout.ts';
import { type Manifest } from '../store/store.ts';

/** Layouts that there is a step from to the next one. */
const oldVersions = [0] as const;
export type OldVersion = (typeof oldVersions)[number];

/** True if slabs of `version` can be brought to the present layout. */
export function isConvertible(version: number): boolean {
  while (version < layoutVersion && oldVersions.some((old) => old === version)) version++;
  return version === layoutVersion;
}

/** Whether slabs were cut as this windrow cuts them, whatever lies in them. */
export const isCutAs = ({ slabBytes }: Pick<Manifest, 'slabBytes'>, { slabs }: Pick<Layout, 'slabs'>): boolean =>
  slabBytes.length === slabs.length && slabs.every(({ byteLength }, i) => byteLength === slabBytes[i]);
