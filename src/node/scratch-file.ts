// A file of the system's folder for temporary files, for as long as somebody needs it.
import { open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ScratchFile } from '../kv/tiers/scratch.ts';
import { randomId } from '../random.ts';

export async function openScratchFile(folder = tmpdir()): Promise<ScratchFile> {
  const path = join(folder, `windrow-${randomId()}.pages`);
  const file = await open(path, 'wx+', 0o600);
  const removeEntry = () => rm(path, { force: true });
  await removeEntry().catch(() => {}); // where it may be in use without a name, nothing is left of a process that was killed
  return {
    async write(at, bytes) {
      for (let done = 0; done < bytes.byteLength; ) done += (await file.write(bytes, done, bytes.byteLength - done, at + done)).bytesWritten;
    },
    async read(at, byteLength) {
      const bytes = new Uint8Array(byteLength);
      let done = 0;
      while (done < byteLength) {
        const { bytesRead } = await file.read(bytes, done, byteLength - done, at + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return bytes.subarray(0, done);
    },
    async remove() {
      await file.close();
      await removeEntry();
    },
  };
}
