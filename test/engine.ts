// The engine on Dawn for tests, with shapes that compile quickly, and what stories260K has to answer.
import { vi } from 'vitest';
import { type Engine, type EngineOptions, type Host, createEngine } from '../src/engine/engine.ts';
import { type FinishReason, type GenerateRequest, type GenerateStats } from '../src/protocol.ts';
import { dawn } from './dawn.ts';
import { fixture, jsonFixture } from './models/fixture.ts';

export const golden = jsonFixture<{ prompt: string; prompt_ids: number[]; ids: number[]; text: string }>('stories260K/greedy.json');

export const openEngine = (host: Partial<Host> = {}): Engine => createEngine({ gpu: dawn(), ...host });

export const quick: EngineOptions = { f32: true, kernels: 'splits=1,dot=f32,prefill=rows,few=0,reduce=workgroup,threads=32' };

export const bytesOf = (path: string): { bytes: ArrayBuffer; name: string } => ({ bytes: fixture(path).buffer, name: path });

export const stories = (): { bytes: ArrayBuffer; name: string } => bytesOf('stories260K/stories260K.gguf');

export interface Answer {
  ids: number[];
  text: string;
  reason: FinishReason;
  stats: GenerateStats;
}

/** Runs a request and gathers what it hands over. */
export async function answer(engine: Engine, request: GenerateRequest, signal?: AbortSignal, onTokens: (count: number) => void = () => {}): Promise<Answer> {
  const ids: number[] = [];
  let text = '';
  const ended = await engine.generate(request, (more, shown) => {
    ids.push(...more.map(({ id }) => id));
    text += shown;
    onTokens(ids.length);
  }, signal);
  return { ids, text, ...ended };
}

/**
 * Until mocks are restored, a clock by which all work takes long: each submit is of one token or one step of prefill and two are
 * under way, whatever the machine is doing.
 */
export function slowClock(): void {
  let now = performance.now();
  vi.spyOn(performance, 'now').mockImplementation(() => (now += 1000));
}
