// Where an automaton can be after some bytes, made deterministic as it is walked: a configuration is a set of states, each
// with the returns that are open. Equal ones are the same object, so that what is known of one is known wherever it comes
// again. All of it is bounded: threads of a configuration, returns that are open, configurations that are remembered.
import { type Automaton, type State, end } from './automaton.ts';
import { unsupportedGrammar } from './expression.ts';

/** A return that is open: where to go on, and how often a counted part has been begun there. */
interface Frame {
  readonly state: number;
  readonly count: number;
  readonly parent: Frame | undefined;
  readonly depth: number;
  readonly id: number;
}

/** A state that reads, and the returns above it. */
type Thread = readonly [state: number, frame: Frame | undefined];

export interface Configuration {
  readonly threads: readonly Thread[];
  /** Whether the text may end here. */
  readonly accepts: boolean;
  /** By class of symbols; null where none leads on. */
  next: (Configuration | null | undefined)[];
  /** Tokens that may follow, once computed. */
  mask?: Uint32Array<ArrayBuffer>;
}

export interface Machine {
  readonly start: Configuration;
  /** (symbol) the class of a byte or control token; symbols of a class lead to the same configurations. */
  readonly classes: Uint16Array;
  /** @throws RequestError where the grammar is too ambiguous to follow. */
  step(configuration: Configuration, symbolClass: number): Configuration | null;
  /** Threads and states that steps have met so far: their time grows with them. */
  work(): number;
}

const mostThreads = 4096;
const mostDepth = 400;
const mostRemembered = 20_000;
/** Threads and returns of all that are remembered: it is they that take the memory. */
const mostKept = 400_000;

/** What is met while an automaton is walked. */
interface Walk {
  readonly automaton: Automaton;
  configurations: Map<string, Configuration>;
  frames: Map<string, Frame>;
  frameCount: number;
  /** Threads of the configurations. */
  threadCount: number;
  work: number;
}

type Push = (state: number, above: Frame | undefined) => void;

export function createMachine(automaton: Automaton): Machine {
  const walk: Walk = { automaton, configurations: new Map(), frames: new Map(), frameCount: 0, threadCount: 0, work: 0 };
  const { classes, examples } = classesOf(automaton);
  return {
    start: close(walk, [[automaton.start, undefined]])!,
    classes,
    step(configuration, symbolClass) {
      const known = configuration.next[symbolClass];
      if (known !== undefined) return known;
      walk.work += 1 + configuration.threads.length;
      const symbol = examples[symbolClass];
      const seeds: Thread[] = [];
      for (const [at, above] of configuration.threads) {
        const { on } = automaton.states[at] as Extract<State, { kind: 'read' }>;
        for (let i = 0; i < on.length; i += 3) if (symbol >= on[i] && symbol <= on[i + 1] && canEnd(walk, on[i + 2], above)) seeds.push([on[i + 2], above]);
      }
      return (configuration.next[symbolClass] = seeds.length ? close(walk, seeds) : null);
    },
    work: () => walk.work,
  };
}

/** What has no way to end within the depth that there is, is left out from the start: so nothing ends in the middle for want of it. */
const canEnd = ({ automaton }: Walk, state: number, above: Frame | undefined): boolean => (above?.depth ?? 0) + automaton.heights[state] <= mostDepth;

function frameOf(walk: Walk, state: number, count: number, parent: Frame | undefined): Frame {
  const key = `${state},${count},${parent?.id ?? ''}`;
  let known = walk.frames.get(key);
  if (!known) walk.frames.set(key, (known = { state, count, parent, depth: (parent?.depth ?? 0) + 1, id: ++walk.frameCount }));
  return known;
}

/** All that is reached without reading; null if it neither reads on nor accepts. */
function close(walk: Walk, open: Thread[]): Configuration | null {
  const { automaton: { states } } = walk;
  const seen = new Set<number>();
  const threads: Thread[] = [];
  let accepts = false;
  const keyOf = ([at, above]: Thread): number => (above?.id ?? 0) * states.length + at;
  const push: Push = (at, above) => {
    if (canEnd(walk, at, above)) open.push([at, above]);
  };
  while (open.length) {
    const thread = open.pop()!;
    const key = keyOf(thread);
    if (seen.has(key)) continue;
    if (seen.add(key).size > mostThreads)
      throw unsupportedGrammar(`The grammar is too ambiguous: a text can be read in more than ${mostThreads} ways at once. Make its alternatives differ.`);
    const { kind } = states[thread[0]];
    if (kind === 'read') threads.push(thread);
    else if (kind === 'end' && !thread[1]) accepts = true;
    else expand(walk, thread, push);
  }
  walk.work += seen.size;
  if (!threads.length && !accepts) return null;
  const key = `${accepts}${threads.map(keyOf).sort((a, b) => a - b).join()}`;
  let known = walk.configurations.get(key);
  if (!known) {
    if (walk.configurations.size >= mostRemembered || walk.threadCount + walk.frames.size >= mostKept) forget(walk);
    walk.threadCount += threads.length;
    walk.configurations.set(key, (known = { threads, accepts, next: [] }));
  }
  return known;
}

/** What a state that reads nothing leads to. */
function expand(walk: Walk, [at, above]: Thread, push: Push): void {
  const { automaton: { states, rules } } = walk;
  const state = states[at];
  if (state.kind === 'fork') for (const to of state.to) push(to, above);
  if (state.kind === 'call') push(rules.get(state.rule)!, state.then === end ? above : frameOf(walk, state.then, 0, above));
  if (state.kind === 'count') {
    if (state.least === 0) push(state.then, above);
    push(state.body, frameOf(walk, at, 1, above));
  }
  if (state.kind !== 'end') return;
  const { state: to, count, parent } = above!;
  const counted = states[to];
  if (counted.kind !== 'count' || count === 0) return push(to, parent);
  const { body, then, least, most } = counted;
  if (count >= least) push(then, parent);
  if (count < most) push(body, frameOf(walk, to, most === Infinity ? Math.min(count + 1, Math.max(1, least)) : count + 1, parent));
}

/** Configurations in use stay what they are, and are met anew. */
function forget(walk: Walk): void {
  for (const each of walk.configurations.values()) {
    each.next = [];
    each.mask = undefined;
  }
  walk.configurations = new Map();
  walk.frames = new Map();
  walk.threadCount = 0;
}

/** Symbols that no state tells apart, and one of each class. */
function classesOf({ states, tokens }: Automaton): { classes: Uint16Array; examples: number[] } {
  const symbols = 257 + tokens.length;
  const borders = new Set<number>([0]);
  for (const state of states) {
    if (state.kind !== 'read') continue;
    for (let i = 0; i < state.on.length; i += 3) borders.add(state.on[i]).add(state.on[i + 1] + 1);
  }
  const classes = new Uint16Array(symbols);
  const examples: number[] = [];
  for (let symbol = 0; symbol < symbols; symbol++) {
    if (borders.has(symbol)) examples.push(symbol);
    classes[symbol] = examples.length - 1;
  }
  return { classes, examples };
}
