// What loading a model would take, told before anything but its header is read. Loads nothing.
import { type Engine, type Host } from '../engine.ts';
import { parametersOf } from '../../model/parameters.ts';
import { forecast } from '../measure/predict/forecast.ts';
import { draftOptions, planDraft } from './draft.ts';
import { findModel } from './found.ts';
import { type OpenedModel, nameOf, openAs, openedWith } from './opened.ts';
import { type ModelOptions, optionsFor } from './options.ts';
import { type PlannedModel } from './plan/planned.ts';
import { keysValuesOf } from './plan/keys-values.ts';
import { planFor } from './plan/planned.ts';
import { defaultChoice } from '../measure/tune/choice-text.ts';
import { plannedHeads } from '../heads.ts';
import { keptWith } from '../kept-with-model.ts';
import { type Gpu, openGpu } from '../../gpu/device.ts';
import { type ByteSource } from '../../gguf/source.ts';
import { type LoadOptions, type ModelPlan, type ModelSource } from '../../protocol.ts';

/** `inTurn`: of the engine that uses the same GPU, which may be answering. */
export async function previewModel(host: Host, source: ModelSource, options: LoadOptions, inTurn?: Engine['inTurn']): Promise<ModelPlan> {
  const found = await findModel(source, options, host.store);
  const stored = await openAs(found.files.header, found.manifest ?? found.kept, options);
  const opened = await openedWith(stored, options);
  const gpu = await openGpu(host.gpu, host.deviceOptions);
  try {
    const choice = defaultChoice(gpu);
    const alone = await optionsFor(opened, gpu, await plannedHeads(host, opened, options, found.manifest?.id), choice, host.memoryBytes);
    const draft = options.speculation?.draft && (await previewDraft(host, gpu, stored, options.speculation.draft, options, alone));
    const planOptions = { ...alone, draft: draft?.planned };
    const planned = planFor(gpu, opened, planOptions);
    const { verdict, reason, budgetBytes, totalBytes, keptBytes, streamedBytes, context } = planned;
    const { all: parameters, active: activeParameters } = parametersOf(stored.header, opened.graph);
    const storeCost = await host.costs?.get('store');
    const uses = await keptWith('uses', host, opened, found.manifest?.id);
    const onDemand = planned.groups && (await import('../measure/predict/experts-forecast.ts')).forecastExperts(opened, planned, uses);
    const predicted = await forecast(gpu, opened, planned, {
      choice,
      kv: planOptions.kv,
      shape: planOptions.shape,
      exact: options.f32,
      ramBytes: options.ramBytes,
      store: storeCost,
      onDemand,
      records: host.gpuCosts,
      tuning: host.tuning,
      alone: inTurn,
    });
    const { usage = 0, quota } = (await host.estimate?.()) ?? {};
    return {
      name: nameOf(opened.header, found.files.source.name),
      keysValues: keysValuesOf(opened, planOptions, planned),
      verdict, reason, budgetBytes, totalBytes, keptBytes, streamedBytes, context, parameters, activeParameters, predicted, storeCost,
      onDemand,
      draft: draft && { name: draft.name, bytes: draft.planned.plan.totalBytes },
      fileBytes: opened.header.fileBytes,
      storedBytes: stored.layout.byteLength,
      stored: found.manifest !== undefined,
      freeBytes: quota === undefined ? undefined : Math.max(0, quota - usage),
    };
  } finally {
    gpu.device.destroy();
  }
}

/** The plan of a model that drafts for `target`, within the budget of that one. */
export async function previewDraft(
  host: Pick<Host, 'store' | 'shaders'>, gpu: Gpu, target: OpenedModel, source: ModelSource | ByteSource, options: LoadOptions, planned: ModelOptions,
): Promise<{ name: string; planned: PlannedModel }> {
  const { openDraft } = await import('./found-draft.ts');
  const draft = await openDraft(host, source, draftOptions(options), target);
  return { name: draft.name, planned: await planDraft(host, gpu, draft, options, { options: planned, choice: planned.choice, kv: planned.kv }) };
}
