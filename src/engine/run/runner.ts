// Runs a loaded model: tokens in, logits or the next tokens out, of one sequence or of several at once. Knows positions and
// programs, not text or requests.
import { DeviceError, RequestError } from '../../errors.ts';
import { type Step } from '../../gpu/program.ts';
import { type Sequence } from '../../kv/sequence.ts';
import { mostChosen } from '../../model/chosen-rows.ts';
import { type Sampler } from '../../model/sampling/sampler.ts';
import { noToken } from '../../model/sampling/uniform.ts';
import { writeFirst, writeRows, writeState } from '../../model/sequence-buffers.ts';
import { type Token, type TransferStats } from '../../protocol.ts';
import { type LoadedModel } from '../load/load.ts';
import { createReadback } from './readback.ts';
import { type Piece, createSubmits } from './submits.ts';

/** A sequence that chooses tokens. */
export interface Answering {
  sequence: Sequence;
  /** The one that was started last for this sequence. */
  sampler: Sampler;
  /** Tokens that it has, of which the last one was chosen and is still to be run. */
  length: number;
}

/** What one submit makes of each sequence. */
export interface Made {
  /** Tokens of each. */
  count: number;
  /** Those of each sequence, in order; one may fail by itself, as by a mask that allows none. */
  tokens: Promise<Token[]>[];
}

export interface Runner {
  /** Runs `ids` from `position` on; afterwards the logits of the last one are on the GPU. */
  feed(ids: readonly number[], position: number, signal?: AbortSignal): Promise<void>;
  /** Runs the first chunk of `ids` and gives its length; with the last one comes what `feed` leaves. For prompts that others have turns between. */
  feedChunk(ids: readonly number[], position: number, signal?: AbortSignal): Promise<number>;
  /** As `feed`, and hands over the logits of every token, (rows, vocab), chunk by chunk. Needs a model loaded with `logitsRows`. */
  feedAll(ids: readonly number[], position: number, onRows: (logits: Float32Array, rows: number) => void, signal?: AbortSignal): Promise<void>;
  /** As `feed`, and gives the logits of the tokens at `rows`, indices into `ids`: (row, vocab). Needs a model loaded with as many `logitsRows`, up to 8. */
  feedRows(ids: readonly number[], position: number, rows: readonly number[], signal?: AbortSignal): Promise<Float32Array>;
  /** The logits of the last token that was fed, (vocab). */
  readLogits(): Promise<Float32Array>;
  /** Starts a sampler and chooses the token after the `length` fed ones. */
  sample(sampler: Sampler, length: number, signal?: AbortSignal): Promise<Token>;
  /** Runs the token just sampled, at position `length`, and chooses the next. */
  step(sampler: Sampler, length: number, signal?: AbortSignal): Promise<Token>;
  /**
   * Starts a sampler, chooses up to `most` tokens after the `length` fed ones and hands them over as they come back, one
   * or several at a time: where tokens take little time, several are made per submit, and the next submit is under way
   * while one is read, if the sampler may go ahead of the CPU. So when the caller has enough and leaves the loop, later
   * tokens may have been made in vain.
   */
  tokens(sampler: Sampler, length: number, most: number, signal?: AbortSignal): AsyncGenerator<Token[], void>;
  /** The same for another sequence of the model. One of them runs at a time. */
  of(sequence: Sequence): Runner;
  /**
   * Submits steps that run the last token of each sequence and choose its next, up to `most` of each and no more than `mostTogether`
   * sequences. Each has to have room for them. Resolves once all is submitted.
   */
  decode(answering: readonly Answering[], most: number, signal?: AbortSignal): Promise<Made>;
  /** Whether the tokens of a submit are best read while the next one runs. */
  readsBehind(answering: readonly Answering[]): boolean;
  /** Most sequences of a step. */
  readonly mostTogether: number;
  readonly submits: number;
  /** Milliseconds spent encoding and submitting so far. */
  readonly hostMs: number;
  /** Streamed weights, since the model was loaded. */
  transfer(): TransferStats;
}

/** What the last steps left of a sequence. */
interface Cursor {
  /** The token that the sampler chose last. */
  lastId?: number;
  /** Since a sampler started that asks. */
  chosen: number[];
  /** Positions that there was room for when bind groups were made. */
  boundFor: number;
  /** Its row among the activations and the logits. */
  row: number;
}

export function createRunner(model: LoadedModel): Runner {
  const { gpu: { device }, ledger, activations, programs, heads, sizes, graph } = model;
  const { buffers } = activations;
  const { vocab } = graph.config;
  const submits = createSubmits(model);
  const readback = createReadback(ledger, vocab);
  const cursors = new WeakMap<Sequence, Cursor>();
  let picked: readonly number[] = []; // what the head for chosen rows was told last

  const cursorOf = (sequence: Sequence): Cursor => {
    let cursor = cursors.get(sequence);
    if (!cursor) cursors.set(sequence, (cursor = { chosen: [], boundFor: 0, row: 0 }));
    return cursor;
  };

  const mostTogether = heads.chosen ? Math.min(sizes.logitsRows, mostChosen) : 1;
  const one: Piece[] = [...programs.decode, ...heads.last];
  const several: Piece[] = [...programs.prefill, ...(heads.chosen?.stages ?? [])];
  const piecesFor = (sequences: number): Piece[] => (sequences === 1 ? one : several);
  const body = (rows: number) => (rows === 1 ? programs.decode : programs.prefill);

  function checkIds(ids: readonly number[]): void {
    if (!ids.length) throw new RequestError('There are no tokens to run: the prompt is empty.');
    const bad = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocab));
    if (bad !== undefined) throw new RequestError(`The token ${bad} is not in the vocabulary of ${vocab} tokens.`);
  }

  /** Makes room for so many positions, and all that a step needs of the sequence; BudgetError where there is none. */
  async function makeRoom(sequence: Sequence, length: number): Promise<void> {
    if (length > sizes.context)
      throw new RequestError(`${length} tokens do not fit the context of ${sizes.context}. Shorten the text or load the model with a longer context.`, {
        code: 'context_length_exceeded',
      });
    await sequence.makeRoom(length);
    const cursor = cursorOf(sequence);
    if (cursor.boundFor === sequence.capacity) return;
    [...programs.decode, ...programs.prefill].forEach(({ program }) => program.bind(sequence));
    cursor.boundFor = sequence.capacity;
  }

  const readRow = (row: number): Promise<Float32Array> => readFloats(4 * vocab * row, vocab);

  async function readFloats(offset: number, count: number): Promise<Float32Array> {
    const staging = ledger.create('staging', 'readback.logits', 4 * count, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
    try {
      await ledger.settle();
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffers.logits.buffer, offset, staging, 0, 4 * count);
      submits.submit(encoder);
      await staging.mapAsync(GPUMapMode.READ);
      return new Float32Array(staging.getMappedRange().slice(0, 4 * count));
    } finally {
      ledger.destroy(staging);
    }
  }

  /** Says which rows of a step the head for chosen rows runs over. */
  function pick(rows: readonly number[]): void {
    const { rows: chosen } = heads.chosen!;
    if (rows.length !== picked.length) writeRows(device.queue, chosen, rows.length);
    if (rows.length !== picked.length || rows.some((row, i) => row !== picked[i])) device.queue.writeBuffer(chosen.rows.buffer, 0, Uint32Array.from(rows));
    picked = rows;
  }

  /** Gives each sequence the row of its place in a step. Writes only what has changed since its last one. */
  function seat(answering: readonly Answering[]): void {
    answering.forEach(({ sequence, sampler }, row) => {
      const cursor = cursorOf(sequence);
      if (cursor.row === row) return;
      writeFirst(device.queue, sequence, row);
      sampler.setRow(sequence, row);
      cursor.row = row;
    });
    if (answering.length > 1) pick([...answering.keys()]);
  }

  /** Runs pieces and then the samplers, `count` times, and reads what was chosen, which begins at the length of each. */
  async function choose(pieces: readonly Piece[], answering: readonly Answering[], count: number, signal?: AbortSignal): Promise<Promise<Token[]>[]> {
    for (const { sequence, sampler } of answering) sampler.before?.(sequence, cursorOf(sequence).chosen);
    const samplers: Piece = { program: { encode: (pass, steps) => [steps].flat().forEach((step, i) => answering[i].sampler.program.encode(pass, step)) } };
    const times = Array.from({ length: count }, (_, i) => answering.map(({ sequence, length }): Step => ({ rows: 1, length: length + i, of: sequence })));
    let read!: () => Promise<Token[][]>;
    let tokens!: Promise<Token[]>[];
    await submits.run([...pieces, samplers], times, signal, {
      encode: (encoder) =>
        (read = readback.copy(
          encoder,
          answering.map(({ sequence, sampler, length }) => ({ ids: sequence.ids.buffer, first: length, records: sampler.recordsOf?.(sequence) })),
          count,
        )),
      submitted() {
        const made = read();
        tokens = answering.map((each, i) => made.then((all) => checkChosen(all[i], each)));
        for (const each of tokens) each.catch(() => {}); // may be awaited after the next submit
      },
    });
    return tokens;
  }

  function checkChosen(tokens: Token[], { sequence, sampler: { masked, before }, length: position }: Answering): Token[] {
    submits.check();
    const wrong = tokens.findIndex(({ id }) => id >= vocab);
    if (wrong >= 0) device.queue.writeBuffer(sequence.ids.buffer, 4 * position, new Uint32Array(tokens.length)); // a later answer may read on after its own end
    if (wrong >= 0 && model.gpu.computes) {
      const { id } = tokens[wrong];
      if (masked && id === noToken)
        throw new RequestError(`No token can be chosen for position ${position + wrong}: the mask allows none whose logit is a finite number. Allow others.`);
      throw new DeviceError(badToken(model, id, position + wrong), { code: 'kernel_failed' });
    }
    const cursor = cursorOf(sequence);
    cursor.lastId = tokens.at(-1)?.id;
    if (before) cursor.chosen.push(...tokens.map(({ id }) => id));
    return tokens;
  }

  async function decode(answering: readonly Answering[], most: number, signal?: AbortSignal): Promise<Made> {
    if (answering.length > mostTogether)
      throw new RequestError(
        `${answering.length} sequences were to choose tokens in one step; the model is loaded for ${mostTogether}. Load it with a larger budget.`,
      );
    const pieces = piecesFor(answering.length);
    const room = sizes.context - Math.max(...answering.map(({ length }) => length)); // ids have a place below it
    const ahead = answering.every(({ sampler }) => sampler.ahead);
    const count = Math.min(ahead ? submits.tokensAtOnce(pieces.length + 1, answering.length) : 1, most, room);
    if (count < 1) throw new RequestError(`The context of ${sizes.context} tokens is full.`, { code: 'context_length_exceeded' });
    for (const { sequence, length } of answering) await makeRoom(sequence, length + count - 1);
    seat(answering);
    await submits.embed(answering.map(({ sequence }) => cursorOf(sequence).lastId!));
    return { count, tokens: await choose(pieces, answering, count, signal) };
  }

  const readsBehind = (answering: readonly Answering[]): boolean =>
    submits.readsBehind(piecesFor(answering.length).length + 1, answering.length) && answering.every(({ sampler }) => sampler.ahead);

  function on(sequence: Sequence): Runner {
    const cursor = cursorOf(sequence);

    /** Runs one chunk, of which `pieces` tells what is run. */
    async function runChunk(ids: readonly number[], position: number, pieces: (step: Step) => readonly Piece[], signal?: AbortSignal): Promise<Step> {
      const rows = Math.min(sizes.chunk, ids.length);
      const step = { rows, length: position + rows, of: sequence };
      writeState(device.queue, activations, sequence, position, rows);
      submits.wroteRows(rows);
      cursor.row = 0; // of the sampler too, once it starts
      await submits.embed(ids.slice(0, rows));
      await submits.run(pieces(step), [[step]], signal);
      return step;
    }

    /** Makes ready what `forChunks` runs. */
    async function begin(ids: readonly number[], position: number): Promise<void> {
      checkIds(ids);
      await makeRoom(sequence, position + ids.length);
      sequence.note(position, []); // what an abort leaves behind is not what was there
      device.queue.writeBuffer(sequence.ids.buffer, 4 * position, Uint32Array.from(ids));
    }

    async function forChunks(
      ids: readonly number[],
      position: number,
      pieces: (step: Step) => readonly Piece[],
      signal?: AbortSignal,
      each?: (step: Step) => Promise<void>,
    ): Promise<void> {
      await begin(ids, position);
      for (let done = 0; done < ids.length; done += sizes.chunk) {
        const step = await runChunk(ids.slice(done), position + done, pieces, signal);
        await each?.(step);
        sequence.note(position + done, ids.slice(done, done + step.rows));
      }
    }

    const upTo = (end: number) => (step: Step): readonly Piece[] => (step.length === end ? [...body(step.rows), ...heads.last] : body(step.rows));

    async function sample(sampler: Sampler, length: number, signal?: AbortSignal): Promise<Token> {
      if (length >= sizes.context) throw new RequestError(`The context of ${sizes.context} tokens is full.`, { code: 'context_length_exceeded' });
      cursor.chosen = [];
      sampler.start(sequence);
      const [tokens] = await choose([], [{ sequence, sampler, length }], 1, signal);
      return (await tokens)[0];
    }

    return {
      get submits() {
        return submits.submits;
      },
      get hostMs() {
        return submits.hostMs;
      },
      of: on,
      transfer: submits.transfer,
      mostTogether, decode, readsBehind,
      feed: (ids, position, signal) => forChunks(ids, position, upTo(position + ids.length), signal),
      async feedChunk(ids, position, signal) {
        await begin(ids, position);
        const { rows } = await runChunk(ids, position, upTo(position + ids.length), signal);
        sequence.note(position, ids.slice(0, rows));
        return rows;
      },
      async feedAll(ids, position, onRows, signal) {
        const { all } = heads;
        if (!all) throw new RequestError('The model was loaded without room for the logits of every token.');
        await forChunks(ids, position, () => [...programs.prefill, ...all], signal, async ({ rows }) => onRows(await readFloats(0, rows * vocab), rows));
      },
      async feedRows(ids, position, rows, signal) {
        const most = Math.min(sizes.logitsRows, mostChosen);
        const { chosen } = heads;
        if (!chosen) throw new RequestError('The model was loaded without room for the logits of chosen tokens.');
        if (rows.length < 1 || rows.length > most)
          throw new RequestError(`The logits of ${rows.length} tokens were asked for; the model was loaded for 1 to ${most} of them.`);
        const bad = rows.find((row) => !(Number.isInteger(row) && row >= 0 && row < ids.length));
        if (bad !== undefined) throw new RequestError(`The logits of token ${bad} were asked for; the ${ids.length} tokens are counted from 0.`);
        const all = new Float32Array(rows.length * vocab);
        await forChunks(ids, position, ({ rows: count }) => body(count), signal, async (step) => {
          const first = step.length - step.rows - position;
          const here = [...rows.keys()].filter((i) => rows[i] >= first && rows[i] < first + step.rows);
          if (!here.length) return;
          pick(here.map((i) => rows[i] - first));
          await submits.run(chosen.stages, [[{ ...step, rows: here.length }]], signal);
          for (const [n, i] of here.entries()) all.set(await readRow(n), i * vocab);
        });
        return all;
      },
      readLogits: () => readRow(0),
      sample,
      async step(sampler, length, signal) {
        if (cursor.lastId === undefined) throw new RequestError('There is no sampled token to go on from.');
        const { tokens } = await decode([{ sequence, sampler, length: length + 1 }], 1, signal);
        return (await tokens[0])[0];
      },
      async *tokens(sampler, length, most, signal) {
        if (most < 1) return;
        yield [await sample(sampler, length, signal)];
        const end = Math.min(length + most, sizes.context);
        const pending: Promise<Token[]>[] = [];
        try {
          for (let at = length + 1; at < end || pending.length; ) {
            const answering = [{ sequence, sampler, length: at }];
            if (at < end) {
              const { count, tokens: [tokens] } = await decode(answering, end - at, signal);
              pending.push(tokens);
              at += count;
            }
            while (pending.length > (at < end && readsBehind(answering) ? 1 : 0)) yield await pending.shift()!;
          }
        } finally {
          await Promise.allSettled(pending); // a buffer that is mapped takes no copy
        }
      },
    };
  }

  return on(model.sequence);
}

function badToken({ gpu: { adapterName }, graph: { config: { vocab } } }: LoadedModel, id: number, position: number): string {
  if (id !== noToken)
    return `The sampler gave token ${id} at position ${position}; the vocabulary has ${vocab}. A kernel computes wrongly on ${adapterName}: update ` +
      'the browser or the graphics driver, or choose another GPU.';
  return `No token can be chosen for position ${position}: none of its ${vocab} logits is a finite number. Either ${adapterName} computes wrongly, ` +
    `or the weights are damaged: check the file's hash, measure and test the kernels again (\`retune\`), or update the browser and the ` +
    'graphics driver.';
}
