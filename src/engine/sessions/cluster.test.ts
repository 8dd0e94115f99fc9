// Parts of a text are clustered as the golden's are (scripts/fixtures/episodes-goldens.py), as by dense bags, and at the edges.
import { describe, expect, it, vi } from 'vitest';
import { jsonFixture } from '../../../test/models/fixture.ts';
import { cluster } from './cluster.ts';

describe('clusters', () => {
  it('have the labels, medoids and nearest questions of the golden', async () => {
    const { parts, labels, medoids, episodes } =
      jsonFixture<{ parts: number[][]; labels: number[]; medoids: number[]; episodes: { question: number[] }[] }>('kv/tiny-llama-f16.episodes.json');
    const found = await cluster(parts, medoids.length);
    expect([found.labels, found.medoids]).toEqual([labels, medoids]);
    expect(episodes.map(({ question }) => found.nearest(question))).toEqual([0, 1, 2]);
  });

  it('are as many as parts at most; of equal ones the first counts, and what is not known', async () => {
    const { labels, medoids, nearest } = await cluster([[1, 2], [3, 4], [1, 2, 2]], 8);
    expect([labels, medoids]).toEqual([[0, 1, 2], [0, 1, 2]]);
    expect([nearest([4]), nearest([9]), nearest([])]).toEqual([1, 0, 0]);
    const same = await cluster([[5], [5], [5], [5]], 2);
    expect([same.labels, same.medoids]).toEqual([[0, 0, 0, 0], [0, 0]]); // the second is left without a part
  });

  it('are those of bags with a number for every token, with a pause behind each part and centroid', async () => {
    let seed = 1;
    const random = (below: number) => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) % 65536 % below;
    const parts = Array.from({ length: 60 }, () => Array.from({ length: 1 + random(30) }, () => random(random(2) ? 12 : 80)));
    const pause = vi.fn(() => undefined);
    const found = await cluster(parts, 7, pause);
    const dense = denseClusters(parts, 7);
    expect([found.labels, found.medoids]).toEqual([dense.labels, dense.medoids]);
    expect(new Set(found.labels).size).toBeGreaterThan(3);
    expect(pause).toHaveBeenCalledTimes(60 + 11 * 7 + 10 * 7);
    expect(parts.map((part) => found.nearest(part))).toEqual(parts.map((part) => dense.nearest(part)));
  });
});

/** The same by plain loops over all tokens. */
function denseClusters(parts: number[][], count: number) {
  const vocab = [...new Set(parts.flat())];
  const idf = vocab.map((token) => Math.log((parts.length + 1) / parts.filter((part) => part.includes(token)).length));
  const dot = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * b[i], 0);
  const largest = (values: number[]) => values.indexOf(Math.max(...values));
  const meaning = (part: number[]) => {
    const bag = vocab.map((token, i) => part.filter((each) => each === token).reduce((sum) => sum + idf[i], 0));
    const length = Math.sqrt(dot(bag, bag));
    return bag.map((x) => x / length);
  };
  const points = parts.map(meaning);
  let centroids = Array.from({ length: count }, (_, i) => points[Math.floor((i * points.length) / count)]);
  const labelsNow = () => points.map((point) => largest(centroids.map((each) => 2 * dot(point, each) - dot(each, each))));
  for (let round = 0; round < 10; round++) {
    const labels = labelsNow();
    centroids = centroids.map((centroid, i) => {
      const own = points.filter((_, part) => labels[part] === i);
      return own.length ? centroid.map((_, at) => own.reduce((sum, point) => sum + point[at], 0) / own.length) : centroid;
    });
  }
  const labels = labelsNow();
  const medoids = centroids.map((centroid, i) => {
    const members = labels.flatMap((label, part) => (label === i ? [part] : []));
    return members.length ? members[largest(members.map((part) => dot(points[part], centroid)))] : 0;
  });
  return { labels, medoids, nearest: (part: number[]) => largest(centroids.map((centroid) => dot(centroid, meaning(part)))) };
}
