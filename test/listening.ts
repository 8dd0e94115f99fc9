// Where a `windrow serve` that was started listens.
import { type ChildProcessWithoutNullStreams } from 'node:child_process';

/** The address of its API, as it says on standard error. Rejects with all that it said where it ends before, or where the limit comes first. */
export function untilListening(child: ChildProcessWithoutNullStreams, limit: AbortSignal): Promise<string> {
  return new Promise<string>((resolve, reject) => {
    let told = '';
    const fail = (what: string): void => reject(new Error(`windrow serve ${what} before it listened:\n${told}`));
    child.stderr.on('data', (bytes: Buffer) => {
      told += bytes.toString();
      const [, found] = /Listening at (\S+) /.exec(told) ?? [];
      if (found) resolve(found);
    });
    child.on('error', reject);
    child.on('exit', () => fail('ended'));
    const stop = (): void => fail('had no more time');
    if (limit.aborted) stop();
    limit.addEventListener('abort', stop);
  });
}
