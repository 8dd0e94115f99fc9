// What helps against an error in general, for people. No elements.
import { hasCode } from '../../../errors.ts';

/** windrow's messages say what to do about the one case. */
const advice: Record<string, string> = {
  InvalidFileError: 'Check that this is a GGUF file, and download it anew if it may be damaged.',
  UnsupportedModelError: 'Choose another model, or another quantisation of this one.',
  BudgetError: 'Try a smaller model or a shorter context, or close other tabs that use the GPU.',
  DeviceError: 'Reload the page. If that does not help, restart the browser or update the graphics driver.',
};

/** Undefined where the message says all: of storage that is full, for one, which no other tab's GPU memory makes room in. */
export const adviceFor = (error: Error): string | undefined => (hasCode(error, 'storage_quota', 'storage_full') ? undefined : advice[error.name]);
