// How a model is to be kept, and which stored ones could go to make room. Plain data; no elements.
import { hasCode } from '../../errors.ts';
import { type ModelPlan, type StoredModel } from '../../protocol.ts';
import { leastUsed, marginBytes } from '../../room.ts';

export interface Keeping {
  keep: boolean;
  /** Not empty: stored encrypted under it. */
  passphrase: string;
}

export const plainKeeping: Keeping = { keep: true, passphrase: '' };

/** As the API takes it. */
export const keepingOptions = ({ keep, passphrase }: Keeping): { keep?: false; encryption?: { passphrase: string } } =>
  keep ? (passphrase ? { encryption: { passphrase } } : {}) : { keep: false };

/** Worker memory that windrow takes for weights that do not stay on the GPU. */
const workerBytes = 256 * 2 ** 20;

/** Whether the model runs without being kept: what is not on the GPU has to fit the worker's memory, or each token would download it. */
export const runsUnkept = ({ verdict, streamedBytes }: Pick<ModelPlan, 'verdict' | 'streamedBytes'>): boolean =>
  verdict === 'fits' || (verdict === 'streams' && streamedBytes <= workerBytes);

/**
 * Bytes that the browser's storage lacks to keep the model. `full`: it has refused to take more, whatever it says; Chromium
 * tells of more room than there is, so that pages cannot learn of the disk.
 */
export const lackingBytes = ({ stored, freeBytes, storedBytes }: Pick<ModelPlan, 'stored' | 'freeBytes' | 'storedBytes'>, full = false): number =>
  stored ? 0 : full ? storedBytes : freeBytes === undefined ? 0 : Math.max(0, storedBytes + marginBytes - freeBytes);

/** Whether a load failed since storage refused to take more. */
export const foundFull = (error: Error): boolean => hasCode(error, 'storage_full');

/** The complete models not used for longest whose deletion gives `needBytes`; none if all together do not. `inUse` stays. */
export const deletable = (stored: StoredModel[], needBytes: number, inUse?: string): StoredModel[] =>
  leastUsed(stored.filter(({ id, complete }) => complete && id !== inUse), needBytes);
