// How items of pools (experts) come to the GPU where they are fetched as they are chosen. A chunk of its own, loaded with such a model.
import { type OnDemandPlan } from '../../protocol.ts';
import { type UsesLog, areOf, createUsesLog } from '../../weights/stream/items/uses.ts';
import { type ItemMemory, createItemMemory } from '../../weights/stream/items/item-memory.ts';
import { type Items, createItems } from '../../weights/stream/items/items.ts';
import { guessedCost, readBytesFor } from '../../weights/stream/cost-model.ts';
import { policyFor } from '../../weights/stream/items/residence/policies.ts';
import { type ResidentWeights } from '../../weights/stream/resident.ts';
import { type WeightsReader } from '../../weights/store/reader.ts';
import { type Uploader } from '../../weights/stream/uploader.ts';
import { forecastExperts } from '../measure/predict/experts-forecast.ts';
import { type PlannedModel } from './plan/planned.ts';

export interface OnDemand {
  /** What brings items of pools, and those of them in worker memory. */
  items: Items;
  itemMemory: ItemMemory;
  /** What was used lately, now and before. */
  usesLog: UsesLog;
  /** What was expected of a token. */
  expected: OnDemandPlan;
}

/** What brings items of pools where they are fetched on demand; `memoryBytes` of them stay in worker memory. */
export function openItems(
  { chosen: { gpu: { device: { queue } }, opened, options: { experiment, uses, storeCost = guessedCost } }, plan: { groups = [] } }: PlannedModel,
  reader: WeightsReader,
  weights: ResidentWeights,
  uploader: Uploader,
  memoryBytes: number,
): OnDemand {
  const { layout } = opened;
  const usesLog = createUsesLog(areOf(layout, uses) ? uses : []);
  const itemMemory = createItemMemory(memoryBytes);
  const pools = layout.sections.flatMap(({ pool }) => pool ?? []);
  const items = createItems({
    layout, groups, policy: policyFor(layout)(pools.length), memory: itemMemory,
    gapBytes: readBytesFor(storeCost),
    read: ({ slab, offset, length }) => (length === layout.slabs[slab].byteLength ? reader.readSlab(slab) : reader.readRange(slab, offset, length)),
    upload: async (group, items) => {
      const { slotBytes } = groups[group];
      const parts = items.map(({ slot, bytes }) => ({ offset: slot * slotBytes, bytes }));
      if (parts.length === 1) await uploader.write(weights.slots[group], parts[0].offset, parts[0].bytes);
      else await uploader.writeParts(weights.slots[group], parts);
    },
    onUse(section, used, rows) {
      usesLog.note(section, used, rows);
      experiment?.onExperts?.(section, used);
    },
    writeTable: (section, slots) => queue.writeBuffer(weights.pool(section)[0].table.buffer, 0, slots),
  });
  return { items, itemMemory, usesLog, expected: forecastExperts(opened, { groups }, uses)! };
}
