// What the checks of openai-suite.ts and openai-tools.ts are written with; they run in Node and in pages.
import OpenAI from 'openai';

export interface Golden {
  prompt: string;
  prompt_ids: number[];
  text: string;
  /** Of the 20 likeliest tokens after the prompt, by a reference. */
  logprobs: number[];
  /** Whether the head of a whole answer comes before its text: then an abort is told by `fetch`, not by the client. */
  headFirst?: boolean;
}

export type Check = (client: OpenAI, golden: Golden) => Promise<void>;

export const model = 'any';

export const equal = (found: unknown, wanted: unknown, what: string): void => {
  const [a, b] = [found, wanted].map((value) => JSON.stringify(value));
  if (a !== b) throw new Error(`${what}: found ${a}, wanted ${b}`);
};
export const holds = (condition: boolean, what: string): void => equal(condition, true, what);

export async function failureOf(call: () => Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  try {
    await call();
  } catch (error) {
    if (error instanceof OpenAI.APIError) return error;
    throw error;
  }
  throw new Error('The call should have failed.');
}
