import { expect, it } from 'vitest';
import { formatBytes, formatSeconds, formatShare, formatSpeed } from '../page/format.ts';
import { axisLabels } from './axis-labels.ts';

it('labels of an axis differ by as many digits as its steps have', () => {
  expect(axisLabels([0, 0.05, 0.1, 0.15], formatSeconds)).toEqual(['0.00 s', '0.05 s', '0.10 s', '0.15 s']);
  expect(axisLabels([0, 20, 40], formatSeconds)).toEqual(['0 s', '20 s', '40 s']);
  expect(axisLabels([0, 0.005, 0.01, 0.015], formatShare)).toEqual(['0.0 %', '0.5 %', '1.0 %', '1.5 %']);
  expect(axisLabels([0, 0.25, 0.5], formatSpeed)).toEqual(['0.00 tokens/s', '0.25 tokens/s', '0.50 tokens/s']);
  expect(axisLabels([0, 10, 20], formatSpeed)).toEqual(['0 tokens/s', '10 tokens/s', '20 tokens/s']);
});

it('no label stands twice', () => {
  expect(axisLabels([0, 0.5e-9, 1e-9], formatBytes)).toEqual(['0 B', '', '']);
  expect(axisLabels([0, 500_000, 1_000_000], formatBytes)).toEqual(['0 B', '500 kB', '1.0 MB']);
});

it('values alone have the digits that people read', () => {
  expect([formatSeconds(0.13), formatSeconds(12.4), formatShare(0.126), formatSpeed(3.14), formatSpeed(31.4)])
    .toEqual(['0.1 s', '12 s', '13 %', '3.1 tokens/s', '31 tokens/s']);
});
