// What a load tells while it is under way.
import { type LoadProgress } from '../../protocol.ts';

export type Report = (progress: Partial<LoadProgress>) => void;

/** Progress with what was not said left as it was last. */
export function reporter(onProgress?: (progress: LoadProgress) => void): Report {
  let last: LoadProgress = { phase: 'header', loadedBytes: 0, totalBytes: 0, fromStore: false };
  return (progress) => {
    last = { ...last, bytesPerSecond: undefined, secondsLeft: undefined, waiting: undefined, ...progress };
    onProgress?.(last);
  };
}
