// The default model for tests. `scripts/model.mjs` gets it before the tests run; without it they are skipped, visibly.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = fileURLToPath(new URL('../../models/SmolLM2-135M-Instruct.Q4_1.gguf', import.meta.url));

/** Its path, or undefined if it is not there: `describe.skipIf(!defaultModelPath)`. */
export const defaultModelPath: string | undefined = existsSync(path) ? path : undefined;
