// From what the visitor gives of a server to a model of it that answers, and what is remembered then. Knows no elements. What is connected in vain is unloaded.
import { type RemoteOptions } from '../../api/remote/remote.ts';
import { type KeptServer, type SealedKey } from './kept-server.ts';
import { openKey, sealKey } from './sealed-key.ts';
import { connectServer, type ServerEngine } from './server-engine.ts';
import { type Connected } from './server-model.ts';

export interface Given {
  /** As `toServerUrl` has it. */
  url: string;
  key?: string;
  /** The key as it is kept already, in place of `key`. */
  sealed?: SealedKey;
  /** What opens the sealed key, or what `key` is kept under; empty to keep it nowhere. */
  passphrase: string;
  /** The visitor lets the key go unencrypted. */
  isOpen?: boolean;
}

/** A server that has answered, while the visitor chooses a model. */
export interface Found extends Omit<Given, 'isOpen'> {
  engine: ServerEngine;
}

const usual: (options: RemoteOptions) => Promise<ServerEngine> = connectServer;

/**
 * Asks the server for its models; goes on at once with the one that was used last (`kept`), or the only one. @throws as `connectServer`; TypeError for
 * a key that would go unencrypted
 */
export async function findServer(given: Given, kept: KeptServer | undefined, signal: AbortSignal, connect = usual): Promise<Found | Connected> {
  const { url, sealed, passphrase, isOpen } = given;
  if ((sealed || given.key) && isExposed(url) && !isOpen) {
    throw new TypeError(
      `The key would go to ${new URL(url).host} over plain http, where others on the way can read it. Use its https address, leave the key out, or allow it.`,
    );
  }
  const key = sealed ? await openKey(sealed, url, passphrase) : given.key || undefined;
  const engine = await connect({ url, key, signal });
  try {
    signal.throwIfAborted(); // the server may answer when nobody waits any more
    const found = { engine, url, key, sealed, passphrase };
    const { models } = engine;
    const model = models.length === 1 ? models[0] : kept?.url === url && models.includes(kept.model) ? kept.model : undefined;
    return model === undefined ? found : await useModel(found, model, kept, signal, connect);
  } catch (error) {
    void engine.unload();
    throw error;
  }
}

/** Where it fails, what was found is as it was. */
export async function useModel(found: Found, model: string, kept: KeptServer | undefined, signal: AbortSignal, connect = usual): Promise<Connected> {
  const { engine: first, url, key } = found;
  const engine = first.info.name === model ? first : await connect({ url, key, model, signal });
  try {
    const sealed = await sealedOf(found, kept);
    signal.throwIfAborted();
    if (engine !== first) void first.unload();
    return { engine, kept: { url, model, needsKey: key !== undefined, ...(sealed && { key: sealed }) } };
  } catch (error) {
    if (engine !== first) void engine.unload();
    throw error;
  }
}

/** A key that was given once, without a passphrase, leaves the one that is kept for the address where it is. */
async function sealedOf({ url, key, sealed, passphrase }: Found, kept: KeptServer | undefined): Promise<SealedKey | undefined> {
  if (!key) return undefined;
  if (passphrase) return sealed ?? sealKey(key, url, passphrase);
  return kept?.url === url ? kept.key : undefined;
}

/** Whether others on the way can read what is sent there; a page that came over https may not ask there at all. */
export const isExposed = (url: string): boolean =>
  !url.startsWith('https:') && !/^(localhost|.*\.localhost|127\.[\d.]+|\[::1\])$/.test(new URL(url).hostname);
