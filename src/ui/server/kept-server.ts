// The server that the visitor used last, as this browser remembers it: its address and the model's name; of its key nothing, or what a passphrase opens.

/** A key under a passphrase, in base64. */
export interface SealedKey {
  salt: string;
  rounds: number;
  sealed: string;
}

export interface KeptServer {
  /** As `toServerUrl` has it. */
  url: string;
  /** As the server calls it. */
  model: string;
  /** Whether it was asked with a key; where none is sealed, the visitor is asked for it. */
  needsKey: boolean;
  key?: SealedKey;
  /** Whether its model was the last one that was used, rather than one of this device. */
  isLast: boolean;
}

const place = 'windrow-server';

/** As it is now: other tabs write it too. `otherwise`: where nothing can be remembered (a private window, say). */
export function keptServer(otherwise?: KeptServer): KeptServer | undefined {
  try {
    return readServer(JSON.parse(localStorage.getItem(place) ?? 'null'));
  } catch {
    return otherwise;
  }
}

/** `undefined` forgets it. */
export function keepServer(server: KeptServer | undefined): void {
  try {
    if (server) localStorage.setItem(place, JSON.stringify(server));
    else localStorage.removeItem(place);
  } catch {
    // Then it is asked for again.
  }
}

/** What was written by other versions, or by others, is as good as nothing. */
export function readServer(told: unknown): KeptServer | undefined {
  if (typeof told !== 'object' || told === null) return undefined;
  const { url, model, needsKey, key, isLast } = told as Partial<Record<keyof KeptServer, unknown>>;
  if (typeof url !== 'string' || !/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : '') || typeof model !== 'string') return undefined;
  const sealed = isSealed(key) ? { key: { salt: key.salt, rounds: key.rounds, sealed: key.sealed } } : {};
  return { url, model, needsKey: needsKey === true, ...sealed, isLast: isLast === true };
}

const isSealed = (key: unknown): key is SealedKey => {
  const { salt, rounds, sealed } = (key ?? {}) as Partial<SealedKey>;
  return typeof salt === 'string' && typeof sealed === 'string' && Number.isInteger(rounds) && rounds! > 0;
};
