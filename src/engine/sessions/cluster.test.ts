// Parts of a text are clustered as the golden's are (scripts/fixtures/episodes-goldens.py), and at the edges.
import { describe, expect, it } from 'vitest';
import { jsonFixture } from '../../../test/models/fixture.ts';
import { cluster } from './cluster.ts';

describe('clusters', () => {
  it('have the labels, medoids and nearest questions of the golden', () => {
    const { parts, labels, medoids, episodes } =
      jsonFixture<{ parts: number[][]; labels: number[]; medoids: number[]; episodes: { question: number[] }[] }>('kv/tiny-llama-f16.episodes.json');
    const found = cluster(parts, medoids.length);
    expect([found.labels, found.medoids]).toEqual([labels, medoids]);
    expect(episodes.map(({ question }) => found.nearest(question))).toEqual([0, 1, 2]);
  });

  it('are as many as parts at most; of equal ones the first counts, and what is not known', () => {
    const { labels, medoids, nearest } = cluster([[1, 2], [3, 4], [1, 2, 2]], 8);
    expect([labels, medoids]).toEqual([[0, 1, 2], [0, 1, 2]]);
    expect([nearest([4]), nearest([9]), nearest([])]).toEqual([1, 0, 0]);
    const same = cluster([[5], [5], [5], [5]], 2);
    expect([same.labels, same.medoids]).toEqual([[0, 0, 0, 0], [0, 0]]); // the second is left without a part
  });
});
