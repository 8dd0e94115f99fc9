// Which parts of a text belong together, by the words that they have in common: bags of tokens, and k-means by cosine (src/kv/policies/epicache.ts says what
// for). A token weighs the more the fewer parts have it: ln((parts + 1) / parts that have it). Pure. Sums go by places in order, so that bags that leave
// out zeros have the bits of those that do not.
import { type Pause } from '../../kv/saved/coding/pages.ts';

/** A bag of length 1, or 0 of a part without a known token: the places of its tokens among those of all parts, in order, and what each weighs. */
interface Meaning {
  places: readonly number[];
  weights: readonly number[];
}

/** A number for each place; all are 0 between uses. */
type Scratch = Float64Array;

export interface Clusters {
  /** Of each part its cluster, (part). */
  labels: number[];
  /** Of each cluster the part that is nearest to its centroid. */
  medoids: number[];
  /** The cluster whose centroid is nearest to a text. */
  nearest(tokens: readonly number[]): number;
}

const rounds = 10;

/** The first of the largest. */
const largest = (values: readonly number[]): number => values.reduce((best, value, i) => (value > values[best] ? i : best), 0);

/** What gives a text's meaning among others, and how many places there are. */
function meaningsOf(parts: readonly (readonly number[])[]): { meaning(tokens: readonly number[]): Meaning; count: number } {
  const having = new Map<number, number>();
  for (const part of parts) for (const token of new Set(part)) having.set(token, (having.get(token) ?? 0) + 1);
  const places = new Map([...having.keys()].map((token, place) => [token, place]));
  function meaning(tokens: readonly number[]): Meaning {
    const bag = new Map<number, number>();
    for (const token of tokens) {
      const place = places.get(token);
      if (place !== undefined) bag.set(place, (bag.get(place) ?? 0) + Math.log((parts.length + 1) / having.get(token)!));
    }
    const inOrder = [...bag].sort(([a], [b]) => a - b);
    const length = Math.max(1e-12, Math.sqrt(inOrder.reduce((sum, [, x]) => sum + x * x, 0)));
    return { places: inOrder.map(([place]) => place), weights: inOrder.map(([, x]) => x / length) };
  }
  return { meaning, count: places.size };
}

/** What `work` gives while each place has its weight of a meaning. */
function spread<T>({ places, weights }: Meaning, scratch: Scratch, work: () => T): T {
  places.forEach((place, i) => (scratch[place] = weights[i]));
  const result = work();
  for (const place of places) scratch[place] = 0;
  return result;
}

const dot = ({ places, weights }: Meaning, spreadOut: Scratch): number => places.reduce((sum, place, i) => sum + weights[i] * spreadOut[place], 0);

const square = ({ weights }: Meaning): number => weights.reduce((sum, x) => sum + x * x, 0);

/** Of each point the nearest centroid, of equally near ones the first. */
async function labelsOf(points: readonly Meaning[], centroids: readonly Meaning[], scratch: Scratch, pause: Pause): Promise<number[]> {
  const labels = points.map(() => 0);
  const nearest = points.map(() => -Infinity);
  for (const [i, centroid] of centroids.entries()) {
    const own = square(centroid);
    spread(centroid, scratch, () => points.forEach((point, part) => {
      const near = 2 * dot(point, scratch) - own;
      if (near > nearest[part]) [nearest[part], labels[part]] = [near, i];
    }));
    await pause();
  }
  return labels;
}

function mean(points: readonly Meaning[], scratch: Scratch): Meaning | undefined {
  if (!points.length) return undefined;
  for (const { places, weights } of points) places.forEach((place, i) => (scratch[place] += weights[i]));
  const places = [...new Set(points.flatMap((point) => point.places))].sort((a, b) => a - b);
  const weights = places.map((place) => scratch[place] / points.length);
  for (const place of places) scratch[place] = 0;
  return { places, weights };
}

/**
 * Clusters of `parts`, tokens each: as many, or as there are parts. Begun at every (parts / count)-th; of equal centroids the first; an empty one stays.
 * `pause`: between slices of work.
 */
export async function cluster(parts: readonly (readonly number[])[], most: number, pause: Pause = () => undefined): Promise<Clusters> {
  const { meaning, count } = meaningsOf(parts);
  const points: Meaning[] = [];
  for (const part of parts) {
    points.push(meaning(part));
    await pause();
  }
  const scratch = new Float64Array(count);
  const many = Math.min(most, points.length);
  let centroids = Array.from({ length: many }, (_, i) => points[Math.floor((i * points.length) / many)]);
  let labels = await labelsOf(points, centroids, scratch, pause);
  for (let round = 0; round < rounds; round++) {
    const moved: Meaning[] = [];
    for (const [i, centroid] of centroids.entries()) {
      moved.push(mean(points.filter((_, part) => labels[part] === i), scratch) ?? centroid);
      await pause();
    }
    centroids = moved;
    labels = await labelsOf(points, centroids, scratch, pause);
  }
  const medoids = centroids.map((centroid, i) => {
    const members = labels.flatMap((label, part) => (label === i ? [part] : []));
    return members.length ? members[spread(centroid, scratch, () => largest(members.map((part) => dot(points[part], scratch))))] : 0;
  });
  return {
    labels, medoids,
    nearest: (tokens) => spread(meaning(tokens), scratch, () => largest(centroids.map((centroid) => dot(centroid, scratch)))),
  };
}
