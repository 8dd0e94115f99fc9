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
 * Whether a file of a repository fits, from the plan of one of them: their other needs (keys and values, buffers) are the same, and what
 * their weights take on the GPU is as much as in the file. Only the plan of the file itself is exact: "about".
 */
export function fileWords({ bytes, usual }: HubListing['files'][number], plan: ModelPlan): string {
  const { verdict, reason, totalBytes, budgetBytes, keptBytes, fileBytes } = plan;
  if (usual && verdict === 'refused') return reason ?? 'does not fit';
  const besides = verdict === 'fits' ? totalBytes - keptBytes : 0.1 * budgetBytes;
  const fits = usual ? verdict === 'fits' : (verdict === 'fits' && bytes <= fileBytes) || bytes + besides <= budgetBytes;
  return fits ? `${usual ? '' : 'about '}fits` : 'streams: larger than the GPU may hold, slower';
}
