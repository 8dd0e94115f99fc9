// What makes the page tests quick on a GPU in software: a small model, and kernels by name, so that a load measures and tests none.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

export const kernels = 'splits=1,panels=4,dot=f32,prefill=rows,few=0,threads=32';

export const tinyModel = {
  name: 'stories260K.gguf',
  mimeType: 'application/octet-stream',
  buffer: gunzipSync(readFileSync('test/fixtures/stories260K/stories260K.gguf.gz')),
};
