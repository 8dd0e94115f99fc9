// States of conversations on a device that only takes notes: what is run is a note, keys and values are whatever is written there.
import { type Around, type Placed, createSessionStates } from '../../src/engine/sessions/states.ts';
import { createKeptRecords } from '../../src/engine/sessions/in-records.ts';
import { openModel } from '../../src/engine/load/opened.ts';
import { createSequences } from '../../src/engine/run/sequences.ts';
import { createTurns } from '../../src/engine/turns.ts';
import { readHeader } from '../../src/gguf/read.ts';
import { createLedger } from '../../src/gpu/ledger.ts';
import { kvFormat } from '../../src/kv/formats/catalogue.ts';
import { writeTokens } from '../../src/kv/pages.ts';
import { shapeWithin } from '../../src/kv/policies/catalogue.ts';
import { type Sequence, type SequenceHome, createSequence } from '../../src/kv/sequence.ts';
import { type GenerateRequest } from '../../src/protocol.ts';
import { bytesSource } from '../../src/weights/source/source.ts';
import { fixture } from '../models/fixture.ts';
import { fakeDevice } from './fake-device.ts';
import { memoryRecords } from './memory-store.ts';

const { graph } = await openModel(await readHeader(bytesSource(fixture('tiny/tiny-llama-f16.gguf'), 'tiny')));
const room = { context: 256, chunk: 64, format: kvFormat('f16') };

/** A token of each letter; of messages with a mark before what each says. */
const codes = (text: string) => Array.from(text, (letter) => letter.charCodeAt(0));
const encode = (prompt: GenerateRequest['prompt']) => codes('text' in prompt ? prompt.text
  : 'messages' in prompt ? `${prompt.messages.map(({ role, content }) => `<${role[0]}>${content}`).join('')}<a>` : '');

export interface OpenStates {
  /** Of keys and values, with its options. */
  policy?: string;
  options?: Record<string, number>;
  sequences?: number;
  /** Nothing is kept beside the GPU. */
  storeless?: boolean;
  /** What bringing a state back costs; default: it was not measured. */
  costs?: Awaited<ReturnType<Around['costs']>>;
  /** Ends what is put together. */
  signal?: AbortSignal;
  /** What running a prompt does beside noting its tokens. */
  ran?(tokens: number[], owner: string, sequence: Sequence): Promise<void>;
  /** What a feed between turns does beside noting its tokens. */
  fed?(fed: Fed): Promise<void>;
  /** What others do before what is done between turns. */
  before?(): Promise<void>;
}

export interface Fed {
  ids: readonly number[];
  position: number;
  sequence: Sequence;
}

export function openStates({ policy, options = {}, sequences: most = 4, storeless, costs, signal, ran, fed, before }: OpenStates = {}) {
  const { device } = fakeDevice();
  const shape = policy === undefined ? undefined : shapeWithin(graph, policy, options, { ...room, budgetBytes: Infinity, sequences: 1 });
  const home: SequenceHome = { device, ledger: createLedger(device, Infinity), config: graph.config, ...room, shape, release: () => {} };
  const first = createSequence(home, true);
  const sequences = createSequences({ first, create: () => createSequence(home), mostBytes: most * first.bytesFor(room.context), most });
  const tokenizer = { controlSpellings: [], encode: codes, piece: (token: number) => Uint8Array.of(token) };
  const of = (sequence: Sequence) => ({
    async feed(ids: readonly number[], position: number, ended?: AbortSignal) {
      await sequence.makeRoom(position + ids.length);
      sequence.note(position, ids);
      await fed?.({ ids, position, sequence });
      ended?.throwIfAborted();
    },
  });
  const between = async <T>(work: () => Promise<T>): Promise<T> => {
    await before?.();
    return work();
  };
  const placed = {
    model: { graph, home, sequence: first, sizes: { context: room.context }, planned: { chosen: { options: { sequences: most } } } },
    runner: { of }, sequences, scheduler: { between, jobs: 0 },
    weights: { id: 'tiny', reader: {} }, session: { encode }, text: { tokenizer }, opened: {} as { activation?: 'relu' }, info: { name: 'Tiny' },
  };
  const runs: string[] = [];
  const store = createKeptRecords(memoryRecords(new Map()));
  const run = async (prompt: number[], owner: string) => {
    const sequence = (await sequences.take(prompt, owner))!;
    const tokens = prompt.slice(0, -1); // the last one is chosen from
    runs.push(String.fromCharCode(...tokens));
    try {
      await sequence.makeRoom(tokens.length);
      await ran?.(tokens, owner, sequence);
      writeTokens(home, sequence, tokens);
    } finally {
      sequences.give(sequence);
    }
  };
  const around = { costs: async () => costs, oneByOne: createTurns().alone, signal, run };
  const states = createSessionStates(() => placed as unknown as Placed, storeless ? undefined : store, around);
  return { home, sequences, states, store, runs, placed };
}
