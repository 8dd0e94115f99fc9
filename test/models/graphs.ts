// Graphs of fixtures, and of these with other metadata or tensors.
import { readHeader } from '../../src/gguf/read.ts';
import { buildGraph } from '../../src/model/build.ts';
import { type Graph } from '../../src/model/graph.ts';
import { bytesSource } from '../../src/weights/source/source.ts';
import { type TypedValue } from './gguf.ts';
import { type Change, vary } from './vary.ts';

export const graphOf = async (bytes: Uint8Array): Promise<Graph> => buildGraph(await readHeader(bytesSource(bytes, 'model.gguf')));
export const varied = async (path: string, change: Change): Promise<Graph> => graphOf(await vary(path, change));

export const f32 = (value: number): TypedValue => ({ type: 'f32', value });
export const u32 = (value: number): TypedValue => ({ type: 'u32', value });
export const string = (value: string): TypedValue => ({ type: 'string', value });
