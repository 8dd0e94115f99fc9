// OpenAI's `models.list`: an engine has one model.
import { type Backend } from './backend.ts';

export interface Model {
  /** As in the `model` of answers. */
  id: string;
  object: 'model';
  /** Seconds since 1970: when it was loaded. */
  created: number;
  owned_by: string;
}

export interface ModelList {
  object: 'list';
  data: Model[];
}

export interface Models {
  list(): Promise<ModelList>;
}

export function models(backend: Backend): Models {
  const created = Math.floor(Date.now() / 1000);
  return {
    list: async () => ({ object: 'list', data: [{ id: backend.info.name, object: 'model', created, owned_by: 'windrow' }] }),
  };
}
