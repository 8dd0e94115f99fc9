// What a search of the hub found, in words. No elements.
import { type HubListing, type KnownHubResult, type ModelPlan } from '../../protocol.ts';

/** `1.2 B`, `360 M` */
const short = (value: number): string => new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 2 }).format(value);

/** What is known of a repository before it was looked into. */
export function resultWords({ supported, architecture, parameters, downloads, gated, licence }: KnownHubResult): string {
  return [
    supported === false && `not supported: ${architecture}`,
    parameters !== undefined && `${short(parameters)} parameters`,
    downloads !== undefined && `${short(downloads)} downloads`,
    licence,
    gated && 'asks you to accept conditions first',
  ].filter(Boolean).join(' · ');
}

/**
 * Whether a file of a repository fits, from the plan of one of them: beside the weights, which take as much on the GPU as in the file, they
 * need at most the same (keys and values, buffers, what streams). Only the plan of the file itself is exact: "about".
 */
export function fileWords({ bytes, usual }: HubListing['files'][number], plan: ModelPlan): string {
  const { verdict, reason, totalBytes, budgetBytes, keptBytes } = plan;
  if (verdict === 'refused') return usual ? (reason ?? 'does not fit') : 'its own plan tells whether it fits';
  const streams = 'streams: larger than the GPU may hold, slower';
  if (usual) return verdict === 'fits' ? 'fits' : streams;
  return bytes + totalBytes - keptBytes <= budgetBytes ? 'about fits' : streams;
}
