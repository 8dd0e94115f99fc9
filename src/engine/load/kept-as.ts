// How a file in hand is kept in the store already: a model that is found by its files, whatever it is called here, or an import of it that was begun.
import { isConvertible } from '../../weights/import/convertible.ts';
import { sameVersion } from '../../weights/source/answer.ts';
import { compareTo, fingerprintOf, hasFingerprint } from '../../weights/store/identity.ts';
import { type Manifest, type Store } from '../../weights/store/store.ts';
import { type FoundModel } from './found.ts';

/** The complete stored model that is this file: by hash where both know it; where nothing decides between several, by address. */
export async function storedAs(store: Store, fingerprint: string, { addresses, sha256 }: FoundModel): Promise<Manifest | undefined> {
  const alike = (await store.manifests()).filter(
    (m) => m.complete && isConvertible(m.layoutVersion) && hasFingerprint(m, fingerprint) && compareTo({ sha256 }, m) === 'same',
  );
  if (alike.length <= 1) return alike[0];
  return alike.find(({ urls }) => urls.some((url) => addresses.includes(url))) ?? alike.find(({ id }) => id === fingerprint);
}

/** The unfinished import of this file. */
export const begunAs = async (store: Store, fingerprint: string, found: FoundModel): Promise<Manifest | undefined> =>
  (await store.manifests()).find((manifest) => !manifest.complete && goesOn(manifest, fingerprint, found));

/** Whether an unfinished import may go on with this file. A hash that is known for both finds a mixture at the end. */
export function goesOn(manifest: Manifest, fingerprint: string, { files: { files }, addresses, sha256 }: FoundModel): boolean {
  if (!hasFingerprint(manifest, fingerprint) || compareTo({ sha256 }, manifest) === 'other') return false;
  const here = manifest.urls.some((url) => addresses.includes(url));
  const changed = manifest.files.some(
    ({ version }, i) => version !== undefined && files[i].source.version !== undefined && !sameVersion(version, files[i].source.version!),
  );
  return !here || !changed || (sha256?.some(Boolean) === true && compareTo({ sha256 }, manifest) === 'same');
}

/** Either of both, complete or begun. The file is read for its fingerprint only where one with the same header is there. */
export async function keptAs(store: Store, found: FoundModel): Promise<Manifest | undefined> {
  const { files } = found.files;
  const hasHeaders = (m: Manifest) => m.files.length === files.length && m.files.every(({ header }, i) => isEqual(header, files[i].header));
  if (!(await store.manifests()).some(hasHeaders)) return undefined;
  const fingerprint = await fingerprintOf(found.files);
  return (await storedAs(store, fingerprint, found)) ?? (await begunAs(store, fingerprint, found));
}

const isEqual = (one: Uint8Array, other: Uint8Array): boolean => one.length === other.length && one.every((byte, i) => byte === other[i]);
