// What a hub of models says it has. Types only.
import { type ModelSource } from './load.ts';

/** A repository that a search of a hub has found, as far as the hub tells. */
export interface HubResult {
  repo: string;
  downloads?: number;
  /** Its conditions have to be accepted on the hub before it can be read. */
  gated: boolean;
  licence?: string;
  parameters?: number;
  /** `general.architecture` of its files. */
  architecture?: string;
}

export interface KnownHubResult extends HubResult {
  /** Whether windrow runs its architecture; left open where the hub does not tell that. */
  supported?: boolean;
}

/** The models of a repository, smallest first. */
export interface HubListing {
  repo: string;
  files: {
    /** Its quantisation, or the name of its file. */
    name: string;
    source: Extract<ModelSource, { repo: string } | { url: string }>;
    bytes: number;
    /** The one that is taken where no quantisation is named. */
    usual?: true;
  }[];
}
