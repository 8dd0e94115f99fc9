// Checks of the choice of experts: ids exact, weights within rounding; ties, many and few experts.
import { type Route, mostExperts, route as routeOp } from '../../../model/ops/rare/route.ts';
import { type Routing, route } from '../../../reference/rare/route.ts';
import { type Case, type Check } from '../check.ts';
import { decodeChoice } from '../choice.ts';
import { type OperationChecks } from '../operation-checks.ts';
import { normals, random } from '../random.ts';
import { type Tensor, withStage } from '../workbench.ts';

/** exp within some ulp of f32, and a sum of some hundred. */
const tolerance = 1e-5;

function routeCase(routing: Omit<Routing, 'bias' | 'expertScale'> & { biased?: boolean; scaled?: boolean; ties?: boolean }, rows: number): Case {
  const { experts, used, scores, groups, normalise, scale, biased, scaled, ties } = routing;
  const also = [biased && 'biased', groups && `${groups.used} of ${groups.count} groups`, normalise && 'normalised', scaled && 'scaled', ties && 'ties'];
  const name = [`${used} of ${experts} by ${scores}`, `${rows} rows`, ...also.filter(Boolean)].join(', ');
  return {
    name,
    async run(bench) {
      const next = random(name);
      const logits = normals(next, rows * experts, 2).map((value) => (ties ? Math.round(value) : value));
      // Scores that an f32 exp may put in another order would make the ids a matter of rounding: they are drawn apart.
      const apart = ties ? logits : logits.map((value, i) => value + ((i % experts) - experts / 2) * 1e-3);
      const bias = biased ? normals(next, experts, 0.1) : undefined;
      const tensors: Record<string, Tensor> = bias ? { bias: { type: 'F32', shape: [experts], bytes: new Uint8Array(bias.buffer) } } : {};
      const expertScale = scaled ? normals(next, experts) : undefined;
      if (expertScale) tensors.scale = { type: 'F32', shape: [experts], bytes: new Uint8Array(expertScale.buffer) };
      const op = routeOp({
        input: 'router', experts, used, scores, groups, normalise, scale, bias: bias && 'bias', expertScale: expertScale && 'scale',
      });
      const found = await withStage(bench, { config: { dim: experts }, choice: decodeChoice({}), tensors, op, tokens: rows }, async (stage) => {
        stage.write('router', apart, experts);
        await stage.run(stage.dispatches);
        return new Uint32Array((await stage.read('chosen', rows, 2 * used)).buffer);
      });
      const weights = new Float32Array(found.buffer);
      const numbers = Array.from(found, (bits, i) => (i % (2 * used) < used ? bits : weights[i]));
      const wanted = route(apart, { experts, used, scores, groups, normalise, scale, bias, expertScale });
      const expected = wanted.flatMap((row) => [...row.map(({ expert }) => expert), ...row.map(({ weight }) => weight)]);
      return { found: numbers, expected, scale: expected.map((value, i) => (i % (2 * used) < used ? 1e-6 : Math.max(Math.abs(value), 1e-3))) };
    },
  };
}

const plain = { scores: 'softmax', normalise: true, scale: 1 } as const;
const cases = [
  routeCase({ ...plain, experts: 8, used: 2 }, 3),
  routeCase({ ...plain, experts: 8, used: 2, ties: true }, 9),
  routeCase({ ...plain, experts: 128, used: 8 }, 5),
  routeCase({ ...plain, experts: 66, used: 8, scaled: true }, 3),
  routeCase({ ...plain, experts: 64, used: 6, biased: true }, 5),
  routeCase({ ...plain, experts: mostExperts, used: 10, normalise: false }, 2),
  routeCase({ ...plain, experts: 65, used: 64 }, 2),
  routeCase({ experts: 60, used: 4, scores: 'sigmoid', biased: true, normalise: true, scale: 2.5 }, 4),
  routeCase({ experts: 8, used: 2, scores: 'sigmoid', biased: true, groups: { count: 4, used: 2 }, normalise: true, scale: 2.5 }, 6),
  routeCase({ experts: 256, used: 8, scores: 'sigmoid', groups: { count: 8, used: 4 }, normalise: true, scale: 1 }, 3),
  routeCase({ experts: 33, used: 1, scores: 'sigmoid', normalise: false, scale: 1 }, 1),
];

export const checks: OperationChecks<Route> = {
  all: (): Check[] => [{ name: 'route', tolerance, choice: {}, cases }],
  of: (_model, { experts, used, scores, bias, groups, normalise, scale, expertScale }) => [
    {
      name: [
        `route ${used} of ${experts} by ${scores}`, bias && 'biased', groups && `${groups.used} of ${groups.count} groups`, normalise && 'normalised',
        expertScale && 'scaled',
      ]
        .filter(Boolean)
        .join(', '),
      tolerance,
      choice: {},
      cases: [routeCase({ experts, used, scores, groups, normalise, scale, biased: bias !== undefined, scaled: expertScale !== undefined }, 3)],
    },
  ],
};
