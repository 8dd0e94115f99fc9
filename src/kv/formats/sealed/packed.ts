// Formats that pack each head by itself, as those that slots are sealed in which were written in another one.
import { kvFormat } from '../catalogue.ts';
import { type KvFormat, type SealedFormat } from '../format.ts';

const sealed = ({ name, words, read, append }: KvFormat): SealedFormat => ({
  name, words, read, sealer: 'kv-pack', seal: [...read, ...append, 'kv/pack/alone'],
});

/** q8, a slot as soon as it is older than every step that reads what it was. */
export const sealedQ8 = sealed(kvFormat('q8'));
