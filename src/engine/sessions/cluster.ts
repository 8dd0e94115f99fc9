// Which parts of a text belong together, by the words that they have in common: bags of tokens, and k-means by cosine (src/kv/policies/epicache.ts says what
// for). A token weighs the more the fewer parts have it: ln((parts + 1) / parts that have it). Pure.

/** Length 1, or 0 of a part without a known token; dense over the tokens of all parts. */
type Meaning = Float64Array;

export interface Clusters {
  /** Of each part its cluster, (part). */
  labels: number[];
  /** Of each cluster the part that is nearest to its centroid. */
  medoids: number[];
  /** The cluster whose centroid is nearest to a text. */
  nearest(tokens: readonly number[]): number;
}

const rounds = 10;

const dot = (a: Meaning, b: Meaning): number => a.reduce((sum, x, i) => sum + x * b[i], 0);

/** The first of the largest. */
const largest = (values: readonly number[]): number => values.reduce((best, value, i) => (value > values[best] ? i : best), 0);

/** What gives a text's meaning among others. */
function meaningsOf(parts: readonly (readonly number[])[]): (tokens: readonly number[]) => Meaning {
  const having = new Map<number, number>();
  for (const part of parts) for (const token of new Set(part)) having.set(token, (having.get(token) ?? 0) + 1);
  const places = new Map([...having.keys()].map((token, place) => [token, place]));
  return (tokens) => {
    const bag = new Float64Array(places.size);
    for (const token of tokens) {
      const place = places.get(token);
      if (place !== undefined) bag[place] += Math.log((parts.length + 1) / having.get(token)!);
    }
    const length = Math.max(1e-12, Math.sqrt(dot(bag, bag)));
    return bag.map((x) => x / length);
  };
}

/** Clusters of `parts`, tokens each: as many, or as there are parts. Begun at every (parts / count)-th; of equal centroids the first; an empty one stays. */
export function cluster(parts: readonly (readonly number[])[], count: number): Clusters {
  const meaning = meaningsOf(parts);
  const points = parts.map(meaning);
  let centroids = Array.from({ length: Math.min(count, points.length) }, (_, i) => points[Math.floor((i * points.length) / Math.min(count, points.length))]);
  const labelsNow = () => points.map((point) => largest(centroids.map((centroid) => 2 * dot(point, centroid) - dot(centroid, centroid))));
  for (let round = 0; round < rounds; round++) {
    const labels = labelsNow();
    centroids = centroids.map((centroid, i) => mean(points.filter((_, part) => labels[part] === i)) ?? centroid);
  }
  const labels = labelsNow();
  const medoids = centroids.map((centroid, i) => {
    const members = labels.flatMap((label, part) => (label === i ? [part] : []));
    return members.length ? members[largest(members.map((part) => dot(points[part], centroid)))] : 0;
  });
  return {
    labels, medoids,
    nearest(tokens) {
      const asked = meaning(tokens);
      return largest(centroids.map((centroid) => dot(centroid, asked)));
    },
  };
}

const mean = (points: readonly Meaning[]): Meaning | undefined =>
  points.length ? points[0].map((_, i) => points.reduce((sum, point) => sum + point[i], 0) / points.length) : undefined;
