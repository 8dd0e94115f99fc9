// How many experts or neurons a token will have to wait for: by what its model used here lately, or before any was used by a trace that is made up. Pure.
import { type OnDemandPlan } from '../../../protocol.ts';
import { type SlotGroup } from '../../../weights/stream/items/slot-groups.ts';
import { type Uses, areOf } from '../../../weights/stream/items/uses.ts';
import { type Steps, type Trace, simulateSteps, skewedTrace } from '../../../weights/stream/items/simulate.ts';
import { policyFor, usualPolicy } from '../../../weights/stream/items/residence/policies.ts';
import { usedIn } from '../../load/plan/on-demand.ts';
import { type OpenedModel } from '../../load/opened.ts';
import { type Plan } from '../../load/plan/plan.ts';
import { sum } from '../../../sum.ts';

/**
 * Routers like some experts better than others, and keep some from token to token; how much, differs. This is less than what is told of
 * large mixtures, so that a forecast rather promises too little.
 */
const assumed = { skew: 0.6, kept: 0.2 };
const steps = 200;
const mostItems = 256;
/** What was used by fewer tokens says too little. */
const fewestTokens = 32;

/** Share of the items that were there when they were used, and of the layers of tokens that had all of theirs. */
interface Rates {
  hitRate: number;
  complete: number;
}

const ratesOf = ({ used, there, steps, complete }: Steps): Rates => ({ hitRate: used ? there / used : 0, complete: steps ? complete / steps : 0 });

/** Undefined for a plan in which nothing is fetched on demand. `uses`: what was kept of an earlier run, whatever it is. */
export function forecastExperts(
  opened: Pick<OpenedModel, 'sections' | 'layout'>,
  { groups }: Pick<Plan, 'groups'>,
  uses?: unknown,
): OnDemandPlan | undefined {
  if (!groups) return undefined;
  const pools = opened.layout.sections.filter(({ pool }) => pool).length;
  const known = areOf(opened.layout, uses) && uses.length >= fewestTokens * pools ? uses : undefined;
  const each = groups.map((group) => ofGroup(opened, group, known));
  const usedBytes = sum(each.map(({ bytes }) => bytes));
  const fetchedBytes = sum(each.map(({ bytes, hitRate }) => bytes * (1 - hitRate)));
  const layers = sum(groups.map(({ sections }) => sections.length));
  return {
    of: opened.layout.sections.some(({ pool }) => pool?.columns) ? 'neurons' : 'experts',
    items: sum(opened.layout.sections.map(({ pool }) => pool?.items.length ?? 0)),
    slots: sum(groups.map(({ slots }) => slots)),
    used: sum(groups.map((group) => usedBy(opened, group))),
    usedBytes, fetchedBytes, hitRate: 1 - fetchedBytes / usedBytes, complete: sum(each.map(({ complete }, i) => complete * groups[i].sections.length)) / layers,
    byUse: known !== undefined,
  };
}

type PolicyFor = ReturnType<typeof policyFor>;

/** Items that a token uses of all layers of a group. */
const usedBy = (opened: Pick<OpenedModel, 'sections'>, { sections }: Pick<SlotGroup, 'sections'>): number =>
  sum(sections.map((section) => usedIn(opened, section)));

function ofGroup(opened: Pick<OpenedModel, 'sections' | 'layout'>, group: SlotGroup, uses?: Uses): Rates & { bytes: number } {
  const { sections, slots, slotBytes } = group;
  const { layout } = opened;
  const items = layout.sections[sections[0]].pool!.items.length;
  const used = usedBy(opened, group) / sections.length;
  const bytes = used * sections.length * slotBytes;
  const policy = policyFor(layout); // as the engine has it
  return { bytes, ...(uses ? ratesByUse(uses, group, policy) : assumedRates(items, used, slots / sections.length, policy)) };
}

/** Ids tell items of all sections apart. */
const idStep = 2 ** 20;

/** By what was used, sections, slots and policy: a load tries some budgets with the same uses. */
const played = new WeakMap<Uses, Map<string, Rates>>();

/** Of what was used, played through with as many slots. */
export function ratesByUse(uses: Uses, { sections, slots }: Pick<SlotGroup, 'sections' | 'slots'>, policy: PolicyFor = usualPolicy): Rates {
  const key = `${sections.join()}|${slots}|${policy(1).name}`;
  const known = played.get(uses) ?? new Map<string, Rates>();
  played.set(uses, known);
  let rates = known.get(key);
  if (rates === undefined) known.set(key, (rates = play(uses, sections, slots, policy)));
  return rates;
}

function play(uses: Uses, sections: readonly number[], slots: number, policy: PolicyFor): Rates {
  const own = new Set(sections);
  const trace = uses.filter(([section]) => own.has(section)).map(([section, ...items]) => items.map((item) => section * idStep + item));
  return ratesOf(simulateSteps(trace, slots, policy(sections.length), warmAt(trace, slots)));
}

/**
 * From when on uses count: once no slot is empty, as before that all is missed that is used the first time, and behind a quarter in any case. Where
 * they are never full the last quarter counts, which rather promises too little.
 */
function warmAt(trace: Trace, slots: number): number {
  const seen = new Set<number>();
  const full = trace.findIndex((ids) => ids.forEach((id) => seen.add(id)) ?? seen.size >= slots);
  const [least, most] = [Math.floor(trace.length / 4), Math.floor((3 * trace.length) / 4)];
  return full < 0 ? most : Math.min(most, Math.max(least, full + 1));
}

const assumedBefore = new Map<string, Rates>();

/** Of a layer with so many slots to itself. */
function assumedRates(items: number, used: number, slots: number, policy: PolicyFor): Rates {
  const scale = Math.max(1, items / mostItems); // of more, a part with as many slots in proportion
  const size = { items: Math.round(items / scale), used: Math.max(1, Math.round(used / scale)), slots: Math.max(1, Math.round(slots / scale)) };
  const key = [...Object.values(size), policy(1).name].join();
  let found = assumedBefore.get(key);
  if (found === undefined) {
    found = ratesOf(simulateSteps(skewedTrace({ ...size, ...assumed, steps, seed: 1 }), size.slots, policy(1), steps / 4));
    assumedBefore.set(key, found);
  }
  return found;
}
