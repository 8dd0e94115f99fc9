// The checks of one model: each distinct operation of its graph, and its sampling.
import { opsOf } from '../../model/operations.ts';
import { type Check } from './check.ts';
import { type Model, checksOf } from './operation-checks.ts';
import { samplerChecks } from './sampler.ts';
import { stageChecks } from './stages.ts';

/** Names tell checks of any two models apart, so that what passed once need not run again. */
export function modelChecks(model: Model): Check[] {
  const { graph } = model;
  const checks = new Map<string, Check>();
  for (const check of opsOf(graph).flatMap((op) => checksOf(model, op))) {
    const same = checks.get(check.name);
    checks.set(check.name, { ...check, kinds: [...new Set([...(same?.kinds ?? []), ...(check.kinds ?? [])])] });
  }
  const vocab = Math.min(graph.config.vocab, 2049);
  const sampling = [...samplerChecks([vocab]).slice(0, 3), ...stageChecks([vocab])];
  return [...checks.values(), ...sampling.map((check) => ({ ...check, name: `${check.name}, ${vocab} tokens` }))];
}
