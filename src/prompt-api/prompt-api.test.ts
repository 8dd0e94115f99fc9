// The Prompt API over scripted answers, and over a scripted worker where the model is loaded on demand. Types: test/api/prompt-api-types.ts.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type ChatMessageParam } from '../api/completions/chat.ts';
import { DeviceError, RequestError, UnsupportedModelError } from '../errors.ts';
import { type GenerateRequest, type LoadProgress, type ModelInfo, type ModelPlan, type WorkerEngine } from '../protocol.ts';
import { fakeBackend, fakeSurface, type Script } from '../../test/doubles/fake-engine.ts';
import { FakeWorker, modelInfo } from '../../test/doubles/fake-worker.ts';
import { languageModelFrom } from './prompt-api.ts';
import { type PromptEngine } from './engines.ts';
import { type PromptInput } from './types.ts';

/** A token for each word, and one for each message. */
const wordsOf = (messages: ChatMessageParam[]) => messages.reduce((sum, { content }) => sum + 1 + (content as string).split(/\s+/).filter(Boolean).length, 0);

function modelOf(script: Script | ((request: GenerateRequest) => Script) = {}, info: Partial<ModelInfo> = {}) {
  const backend = fakeBackend(typeof script === 'function' ? script : () => script, info);
  const engine = { ...fakeSurface(backend), countTokens: async (messages: ChatMessageParam[]) => wordsOf(messages) } as unknown as PromptEngine;
  return { backend, LanguageModel: languageModelFrom(engine) };
}
const messagesOf = ({ prompt }: GenerateRequest) => (prompt as { messages: { role: string; content: string }[] }).messages;
const said = (request: GenerateRequest) => messagesOf(request).map(({ role, content }) => `${role}: ${content}`);
const endless = Array<string>(1000).fill('word ');
const called = (name: string) => expect.objectContaining({ name }) as unknown;

beforeEach(() => {
  // Node has none.
  vi.stubGlobal('ProgressEvent', class extends Event {
    readonly loaded: number;
    constructor(type: string, { loaded }: { loaded: number }) {
      super(type);
      this.loaded = loaded;
    }
  });
});
afterEach(() => void vi.unstubAllGlobals());

test('a conversation: what it began with, what was asked and answered', async () => {
  const { LanguageModel, backend } = modelOf();
  const session = await LanguageModel.create({ initialPrompts: [{ role: 'system', content: 'Be short.' }] });
  expect(session).toBeInstanceOf(LanguageModel);
  expect(session.contextUsage).toBe(4); // and a turn of the user's, which is empty
  expect(await session.prompt('What is wide?')).toBe('The sea');
  expect(await session.prompt([{ role: 'user', content: [{ type: 'text', value: 'And ' }, { type: 'text', value: 'deep?' }] }])).toBe('The sea');
  expect(said(backend.asked[1])).toEqual(['system: Be short.', 'user: What is wide?', 'assistant: The sea', 'user: And deep?']);
  expect(backend.asked[0]).toMatchObject({ sampling: { temperature: 0.8, topK: 40 }, reasoningApart: true });
  expect([session.contextUsage, session.inputUsage, session.contextWindow, session.inputQuota]).toEqual([16, 16, 2048, 2048]);
});

test('text comes in pieces, without what the model thought', async () => {
  const { LanguageModel, backend } = modelOf({ says: [{ reasoning: 'Hm.' }, 'The', ' sea'] });
  const session = await LanguageModel.create();
  const pieces: string[] = [];
  for await (const piece of session.promptStreaming('What is wide?')) pieces.push(piece);
  expect(pieces).toEqual(['The', ' sea']);
  await session.prompt('And deep?');
  expect(said(backend.asked[1])[1]).toBe('assistant: The sea');
});

test('prompts take their turns, also after a stream that nobody reads', async () => {
  const { LanguageModel, backend } = modelOf((request) => ({ says: [`answer to ${messagesOf(request).at(-1)!.content}`] }));
  const session = await LanguageModel.create();
  session.promptStreaming('one');
  const answers = await Promise.all([session.prompt('two'), session.prompt('three')]);
  expect(answers).toEqual(['answer to two', 'answer to three']);
  expect(said(backend.asked[2])).toHaveLength(5);
});

test('append adds to what is asked next', async () => {
  const { LanguageModel, backend } = modelOf();
  const session = await LanguageModel.create();
  await session.append([{ role: 'user', content: 'A text.' }]);
  expect(session.contextUsage).toBe(3);
  await session.prompt('What is it?');
  expect(said(backend.asked[0])).toEqual(['user: A text.\n\nWhat is it?']);
});

test('a clone goes on by itself', async () => {
  const { LanguageModel, backend } = modelOf();
  const session = await LanguageModel.create();
  await session.prompt('one');
  const clone = await session.clone();
  expect(clone).toBeInstanceOf(LanguageModel);
  await clone.prompt('two');
  session.destroy();
  await clone.prompt('three');
  expect(said(backend.asked[2])).toEqual(['user: one', 'assistant: The sea', 'user: two', 'assistant: The sea', 'user: three']);
});

const schema = { type: 'object', properties: { a: { type: 'number' } } };

test('a responseConstraint is a schema or an expression, which the model is told unless it is not to be', async () => {
  const { LanguageModel, backend } = modelOf();
  const session = await LanguageModel.create();
  await session.prompt('one', { responseConstraint: schema });
  await session.prompt('two', { responseConstraint: /yes|no/u });
  await session.prompt('three', { responseConstraint: schema, omitResponseConstraintInput: true });
  expect(backend.asked.map(({ grammar }) => grammar)).toEqual([{ schema }, { regex: 'yes|no' }, { schema }]);
  expect(said(backend.asked[0])).toEqual([`user: one\n\nAnswer with JSON that conforms to this JSON schema: ${JSON.stringify(schema)}`]);
  expect(said(backend.asked[2]).filter((text) => text.startsWith('user'))).toEqual(['user: one', 'user: two', 'user: three']);
  await expect(session.prompt('four', { responseConstraint: /YES/i })).rejects.toEqual(called('NotSupportedError'));
  await expect(session.prompt('four', { responseConstraint: 3 as never })).rejects.toBeInstanceOf(TypeError);
});

test('measureContextUsage tells what a prompt would add', async () => {
  const { LanguageModel } = modelOf();
  const session = await LanguageModel.create();
  expect(await session.measureContextUsage('one two three')).toBe(4);
  await session.prompt('one');
  expect(await session.measureContextUsage('one two three')).toBe(4);
  expect(await session.measureContextUsage('one', { responseConstraint: /a b/ })).toBeGreaterThan(8);
  expect(session.contextUsage).toBe(5);
});

test('where there is no room the oldest turns go, not those of the beginning, and an event tells', async () => {
  const { LanguageModel, backend } = modelOf({}, { context: 22 });
  const session = await LanguageModel.create({
    initialPrompts: [{ role: 'system', content: 'Be short.' }, { role: 'user', content: 'Hi' }, { role: 'assistant', content: 'Hi' }],
  });
  const events: string[] = [];
  session.addEventListener('contextoverflow', () => events.push('event'));
  session.oncontextoverflow = () => events.push('handler');
  await session.prompt('first one'); // 7 + 3 + 3
  await session.prompt('second one'); // 13 + 3 + 3
  expect(events).toEqual([]);
  await session.prompt('third one');
  expect(events.sort()).toEqual(['event', 'handler']);
  expect(said(backend.asked[2])).toEqual([
    'system: Be short.', 'user: Hi', 'assistant: Hi', 'user: second one', 'assistant: The sea', 'user: third one',
  ]);
});

test('what is longer than the context is refused with the numbers', async () => {
  const { LanguageModel } = modelOf({}, { context: 8 });
  const session = await LanguageModel.create();
  const long = 'a b c d e f g h';
  await expect(session.prompt(long)).rejects.toMatchObject({ name: 'QuotaExceededError', requested: 9, quota: 8 });
  await expect(session.append(long)).rejects.toMatchObject({ name: 'QuotaExceededError', requested: 9, quota: 8 });
  await expect(LanguageModel.create({ initialPrompts: [{ role: 'user', content: long }] })).rejects.toEqual(called('QuotaExceededError'));
  expect(await session.prompt('short')).toBe('The sea');
  vi.stubGlobal('QuotaExceededError', class extends DOMException {
    constructor(message: string, readonly numbers: object) {
      super(message, 'QuotaExceededError');
    }
  });
  await expect(session.prompt(long)).rejects.toMatchObject({ numbers: { requested: 9, quota: 8 } });
});

test('an aborted prompt rejects with the reason, is stopped and not remembered', async () => {
  const { LanguageModel, backend } = modelOf((request) => (messagesOf(request).at(-1)!.content === 'go on' ? { says: endless } : {}));
  const session = await LanguageModel.create();
  const controller = new AbortController();
  const answer = session.prompt('go on', { signal: controller.signal });
  const waiting = session.prompt('waits', { signal: controller.signal });
  await vi.waitFor(() => expect(backend.asked).toHaveLength(1));
  controller.abort();
  await expect(answer).rejects.toEqual(called('AbortError'));
  await expect(waiting).rejects.toEqual(called('AbortError'));
  await expect(session.prompt('later', { signal: AbortSignal.abort(new Error('mine')) })).rejects.toThrow('mine');
  expect(backend.stopped).toBe(1);

  const reader = session.promptStreaming('go on').getReader();
  await reader.read();
  await reader.cancel();
  expect(backend.stopped).toBe(2);
  expect(await session.prompt('next')).toBe('The sea');
  expect(said(backend.asked[2])).toEqual(['user: next']);
});

test('destroy ends what is under way, and the session', async () => {
  const { LanguageModel, backend } = modelOf({ says: endless });
  const session = await LanguageModel.create();
  const answer = session.prompt('go on');
  const read = session.promptStreaming('go on').getReader().read();
  await vi.waitFor(() => expect(backend.asked).toHaveLength(1));
  session.destroy();
  session.destroy();
  await expect(answer).rejects.toEqual(called('AbortError'));
  await expect(read).rejects.toEqual(called('AbortError'));
  expect([backend.asked.length, backend.stopped]).toEqual([1, 1]);
  for (const call of [() => session.prompt('a'), () => session.append('a'), () => session.clone(), () => session.measureContextUsage('a')])
    await expect(call()).rejects.toEqual(called('InvalidStateError'));
  await expect(session.promptStreaming('a').getReader().read()).rejects.toEqual(called('InvalidStateError'));
});

test('errors of the engine have the names of the specification', async () => {
  const errors: [Error, string][] = [
    [new RequestError('x', { code: 'unsupported_schema' }), 'NotSupportedError'],
    [new RequestError('x', { code: 'context_length_exceeded' }), 'QuotaExceededError'],
    [new RequestError('x', { code: 'not_loaded' }), 'InvalidStateError'],
    [new DeviceError('x', { code: 'gpu_lost' }), 'OperationError'],
  ];
  for (const [error, name] of errors) {
    const session = await modelOf({ error }).LanguageModel.create();
    const answer = session.prompt('a');
    await expect(answer).rejects.toBeInstanceOf(DOMException);
    await expect(answer).rejects.toMatchObject({ name, message: 'x', cause: error });
  }
});

test('sampling by mode or by numbers', async () => {
  const { LanguageModel } = modelOf();
  const of = async (options: object) => LanguageModel.create(options).then(({ temperature, topK }) => [temperature, topK]);
  expect(await of({ samplingMode: 'most-predictable' })).toEqual([0, 1]);
  expect(await of({ temperature: 9, topK: 3 })).toEqual([2, 3]);
  expect(await of({ temperature: 0.0001 })).toEqual([0, 40]);
  expect(await LanguageModel.params()).toMatchObject({ defaultTopK: 40, defaultTemperature: 0.8, maxTemperature: 2 });
  await expect(of({ temperature: -1 })).rejects.toBeInstanceOf(RangeError);
  await expect(of({ topK: 0 })).rejects.toBeInstanceOf(RangeError);
  await expect(of({ topK: 3, samplingMode: 'creative' })).rejects.toBeInstanceOf(TypeError);
  await expect(of({ samplingMode: 'wild' })).rejects.toBeInstanceOf(TypeError);
});

test.each<[PromptInput, string]>([
  [[], 'TypeError'],
  [3 as never, 'TypeError'],
  [[null as never], 'TypeError'],
  [[{ role: 'system', content: 'a' }], 'TypeError'],
  [[{ role: 'user', content: 3 as never }], 'TypeError'],
  [[{ role: 'user', content: [{ type: 'text', value: 3 }] }], 'TypeError'],
  [[{ role: 'user', content: [{ type: 'image', value: 'a' }] }], 'NotSupportedError'],
  [[{ role: 'user', content: 'a', prefix: true }], 'SyntaxError'],
  [[{ role: 'assistant', content: 'a', prefix: true }, { role: 'user', content: 'b' }], 'SyntaxError'],
])('the prompt %j is refused: %s', async (input, name) => {
  const { LanguageModel, backend } = modelOf();
  const session = await LanguageModel.create();
  await expect(session.prompt(input)).rejects.toEqual(called(name));
  await expect(session.append(input)).rejects.toEqual(called(name));
  expect(backend.asked).toHaveLength(0);
});

test('images and a late system message are refused when a session is made', async () => {
  const { LanguageModel } = modelOf();
  const image = { expectedInputs: [{ type: 'image' as const }] };
  expect(await Promise.all([{}, image].map((options) => LanguageModel.availability(options)))).toEqual(['available', 'unavailable']);
  await expect(LanguageModel.create(image)).rejects.toEqual(called('NotSupportedError'));
  const late = [{ role: 'user' as const, content: 'a' }, { role: 'system' as const, content: 'b' }];
  await expect(LanguageModel.create({ initialPrompts: late })).rejects.toBeInstanceOf(TypeError);
  await expect(LanguageModel.create({ signal: AbortSignal.abort() })).rejects.toEqual(called('AbortError'));
});

test('an answer goes on from a prefix, which becomes part of what was said, and is nowhere else', async () => {
  const thinking = { variable: 'enable_thinking', unasked: true, promptEnd: { on: '', off: '' } };
  const { LanguageModel, backend } = modelOf({}, { thinking });
  const session = await LanguageModel.create();
  const prefix: PromptInput = [{ role: 'user', content: 'What is wide?' }, { role: 'assistant', content: 'Well: ', prefix: true }];
  expect(await session.measureContextUsage(prefix)).toBe(6);
  expect(await session.prompt(prefix)).toBe('The sea');
  expect((backend.asked[0].prompt as { messages: object[] }).messages.at(-1)).toEqual({ role: 'assistant', content: 'Well: ', prefix: true });
  expect(backend.asked[0].prompt, 'what is begun is no thought').toMatchObject({ variables: { enable_thinking: false } });
  await session.prompt('And deep?');
  expect(said(backend.asked[1])).toEqual(['user: What is wide?', 'assistant: Well: The sea', 'user: And deep?']);
  expect(backend.asked[1].prompt).toMatchObject({ variables: undefined });
  for (const call of [session.append(prefix), LanguageModel.create({ initialPrompts: prefix })]) await expect(call).rejects.toEqual(called('SyntaxError'));
});

const weather = (execute: (input: { city: string }) => Promise<string>) =>
  ({ name: 'weather', description: 'Tells the weather.', inputSchema: { type: 'object', properties: { city: { type: 'string' } } }, execute });
const call = (index: number, city: string) => ({ calls: [{ index, id: `c${index}`, name: 'weather', arguments: `{"city":"${city}"}` }] });

test('functions are called at once with what they are asked, and their results are told until the model answers', async () => {
  const script = [{ says: ['Let me see. ', call(0, 'Rome'), call(1, 'Oslo')], reason: 'tool_calls' as const }, { says: ['Sun and snow.'] }, { says: ['Yes.'] }];
  const { LanguageModel, backend } = modelOf(() => script.shift()!);
  const open: string[] = [];
  let bothAsked = (): void => {};
  const both = new Promise<void>((resolve) => (bothAsked = resolve));
  const session = await LanguageModel.create({
    tools: [weather(async ({ city }) => {
      open.push(city);
      if (open.length === 2) bothAsked();
      await both;
      return `of ${city}`;
    })],
  });
  expect(await session.prompt('The weather?')).toBe('Let me see. Sun and snow.');
  expect(open).toEqual(['Rome', 'Oslo']);
  const toldOf = { name: 'weather', description: 'Tells the weather.', parameters: { type: 'object' } };
  expect(backend.asked[0].tools).toMatchObject({ tools: [toldOf], required: false });
  const told = ['user: The weather?', 'assistant: Let me see. ', 'tool: of Rome', 'tool: of Oslo'];
  expect(said(backend.asked[1])).toEqual(told);
  expect(messagesOf(backend.asked[1])[1]).toMatchObject({ tool_calls: [{ id: 'c0', function: { arguments: { city: 'Rome' } } }, { id: 'c1' }] });
  const clone = await session.clone();
  await clone.prompt('Sure?');
  expect(said(backend.asked[2])).toEqual([...told, 'assistant: Sun and snow.', 'user: Sure?']);
  expect(backend.asked[2].tools).toBeDefined();
});

test('a function that fails or gives no text fails the prompt, and one that is called for ever is ended', async () => {
  const { LanguageModel, backend } = modelOf(({ tools }) => (tools ? { says: [call(0, 'Rome')], reason: 'tool_calls' } : { says: ['Enough.'] }));
  const failing = await LanguageModel.create({ tools: [weather(() => Promise.reject(new Error('no network')))] });
  await expect(failing.prompt('The weather?')).rejects.toMatchObject({ name: 'OperationError', message: 'no network' });
  const before = failing.contextUsage;
  const wrong = await LanguageModel.create({ tools: [weather(async () => 3 as never)] });
  await expect(wrong.prompt('The weather?')).rejects.toThrow('The tool weather gave 3; it must give text.');
  expect(failing.contextUsage, 'what was rejected is not remembered').toBe(before);
  backend.asked.length = 0;
  const session = await LanguageModel.create({ tools: [weather(async () => 'sun')] });
  expect(await session.prompt('The weather?')).toBe('Enough.');
  expect(backend.asked).toHaveLength(17);
  const fine = weather(async () => '');
  const changed = [{ name: 'a b' }, { execute: 3 }, { inputSchema: [] }, { description: 3 }].map((wrong) => [{ ...fine, ...wrong }]);
  const wrongs = [3, [null], [fine, fine], ...changed];
  for (const tools of wrongs)
    await expect(LanguageModel.create({ tools: tools as never })).rejects.toBeInstanceOf(TypeError);
});

test('a function that never returns ends with the prompt, and holds up none that follows', async () => {
  const { LanguageModel } = modelOf((request) => (said(request).length === 1 ? { says: [call(0, 'Rome')], reason: 'tool_calls' } : { says: ['Yes.'] }));
  const stop = new AbortController();
  let ask = (): void => {};
  const isAsked = new Promise<void>((resolve) => (ask = resolve));
  const hanging = weather(() => {
    ask();
    return new Promise<never>(() => {});
  });
  const session = await LanguageModel.create({ tools: [hanging] });
  const prompt = session.prompt('The weather?', { signal: stop.signal });
  await isAsked;
  stop.abort();
  await expect(prompt).rejects.toEqual(called('AbortError'));
  expect(await session.prompt([{ role: 'user', content: 'Hi' }, { role: 'assistant', content: 'Hi' }, { role: 'user', content: 'There?' }])).toBe('Yes.');
}, 2000);

test('a call that the context cut off, one of no tool, and one of no JSON are told as what they are', async () => {
  const cut = { calls: [{ index: 0, id: 'c', name: 'weather', arguments: '{"city":"Ro' }] };
  const other = { calls: [{ index: 0, id: 'c', name: 'water', arguments: '{}' }] };
  const failing: [Script, object][] = [
    [{ says: [cut], reason: 'length' }, { name: 'QuotaExceededError', message: expect.stringContaining('before the call of weather was whole'), quota: 2048 }],
    [{ says: [cut], reason: 'tool_calls' }, { name: 'OperationError', message: expect.stringContaining('weather with arguments that are no JSON') }],
    [{ says: [other], reason: 'tool_calls' }, { name: 'OperationError', message: 'The model called "water", which is none of the tools: weather.' }],
  ];
  for (const [script, error] of failing) {
    const session = await modelOf(script).LanguageModel.create({ tools: [weather(async () => 'sun')] });
    const thrown: unknown = await session.prompt('The weather?').catch((reason: unknown) => reason);
    expect(thrown).toBeInstanceOf(DOMException);
    expect(thrown).toMatchObject(error);
  }
});

test('a prefix of an answer to nothing is refused, where it is asked and where it is counted', async () => {
  const { LanguageModel, backend } = modelOf();
  const prefix: PromptInput = [{ role: 'assistant', content: 'Well: ', prefix: true }];
  for (const initialPrompts of [[], [{ role: 'system' as const, content: 'Be short.' }]]) {
    const session = await LanguageModel.create({ initialPrompts });
    for (const asked of [session.prompt(prefix), session.measureContextUsage(prefix)]) await expect(asked).rejects.toEqual(called('SyntaxError'));
  }
  expect(backend.asked).toEqual([]);
  const session = await LanguageModel.create({ initialPrompts: [{ role: 'user', content: 'What is wide?' }] });
  expect(await session.prompt(prefix)).toBe('The sea');
});

/** A model that is loaded by scripted workers. */
function onDemand(fake: Partial<WorkerEngine> = {}) {
  const workers: FakeWorker[] = [];
  const worker = () => {
    workers.push(new FakeWorker({ countTokens: async () => 3, unload: async () => {}, ...fake }));
    return workers.at(-1)! as unknown as Worker;
  };
  return { workers, LanguageModel: languageModelFrom({ model: 'https://example.org/model.gguf', worker }) };
}

test('the model is loaded for the first session, tells how far it is, and is unloaded after the last', async () => {
  let go!: () => void;
  const gate = new Promise<void>((resolve) => (go = resolve));
  const told: LoadProgress = { phase: 'weights', loadedBytes: 2, totalBytes: 8, fromStore: false };
  const { LanguageModel, workers } = onDemand({
    async load(_source, _options, progress) {
      progress!.postMessage(told);
      await gate;
      return modelInfo;
    },
  });
  const loaded: number[] = [];
  const handled: number[] = [];
  const first = LanguageModel.create({
    monitor(monitor) {
      monitor.addEventListener('downloadprogress', (event) => loaded.push((event as ProgressEvent).loaded));
      monitor.ondownloadprogress = ({ loaded: share }) => handled.push(share);
    },
  });
  const second = LanguageModel.create();
  await vi.waitFor(() => expect(loaded).toEqual([0, 0.25]));
  expect(await LanguageModel.availability()).toBe('downloading');
  go();
  const sessions = await Promise.all([first, second]);
  expect([loaded, handled]).toEqual([[0, 0.25, 1], [0, 0.25, 1]]);
  expect([await LanguageModel.availability(), workers.length]).toEqual(['available', 1]);
  const clone = await sessions[0].clone();
  sessions.forEach((session) => session.destroy());
  expect(workers[0].terminated).toBe(false);
  clone.destroy();
  const next = LanguageModel.create();
  await vi.waitFor(() => expect(workers).toHaveLength(2));
  expect(workers[0].terminated).toBe(true); // before the GPU gets the model again
  (await next).destroy();
});

test('a load that nobody waits for any more is ended', async () => {
  const { LanguageModel, workers } = onDemand({ load: () => new Promise(() => {}) });
  const [one, two] = [new AbortController(), new AbortController()];
  const created = [one, two].map(({ signal }) => LanguageModel.create({ signal }));
  await vi.waitFor(() => expect(workers).toHaveLength(1));
  one.abort();
  await expect(created[0]).rejects.toEqual(called('AbortError'));
  expect(workers[0].terminated).toBe(false);
  two.abort(new Error('mine'));
  await expect(created[1]).rejects.toThrow('mine');
  expect(workers[0].terminated).toBe(true);
});

test('a load that fails rejects, and the next session tries again', async () => {
  let isFirst = true;
  const { LanguageModel, workers } = onDemand({
    load: async () => {
      if (!isFirst) return modelInfo;
      isFirst = false;
      throw new UnsupportedModelError('no such architecture');
    },
  });
  await expect(LanguageModel.create()).rejects.toMatchObject({ name: 'NotSupportedError', message: 'no such architecture' });
  expect((await LanguageModel.create()).contextWindow).toBe(2048);
  expect(workers).toHaveLength(2);
});

test('availability is what loading would take', async () => {
  const plans: Partial<ModelPlan>[] = [{ verdict: 'fits', stored: false }, { verdict: 'streams', stored: true }, { verdict: 'refused', stored: true }];
  for (const [i, expected] of ['downloadable', 'available', 'unavailable'].entries()) {
    const { LanguageModel, workers } = onDemand({ plan: async () => plans[i] as ModelPlan });
    expect(await LanguageModel.availability()).toBe(expected);
    expect(workers[0].terminated).toBe(true);
  }
  const noGpu = onDemand({ plan: () => Promise.reject(new DeviceError('no WebGPU', { code: 'no_gpu' })) });
  expect(await noGpu.LanguageModel.availability()).toBe('unavailable');
  const offline = onDemand({ plan: () => Promise.reject(new Error('no network')) });
  await expect(offline.LanguageModel.availability()).rejects.toMatchObject({ name: 'OperationError', message: 'no network' });
});
