// A server's key under a passphrase, sealed with the address that it is for. Neither the passphrase nor the plain key is stored.
import { fromBase64, toBase64 } from '../../base64.ts';
import { RequestError } from '../../errors.ts';
import { deriveKey, seal, unseal, usualRounds } from '../../sealed.ts';
import { type SealedKey } from './kept-server.ts';

export async function sealKey(key: string, url: string, passphrase: string, rounds = usualRounds): Promise<SealedKey> {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const sealed = await seal(await deriveKey(passphrase, salt, rounds), new TextEncoder().encode(JSON.stringify({ url, key })));
  return { salt: toBase64(salt), rounds, sealed: toBase64(sealed) };
}

/** @throws RequestError for another passphrase, and where the key was kept for another address. */
export async function openKey({ salt, rounds, sealed }: SealedKey, url: string, passphrase: string): Promise<string> {
  const opened = await unseal(await deriveKey(passphrase, fromBase64(salt), rounds), fromBase64(sealed));
  if (!opened) throw new RequestError('The passphrase is not the one under which the key was kept.', { code: 'wrong_key' });
  const kept = JSON.parse(new TextDecoder().decode(opened)) as { url: string; key: string };
  if (kept.url !== url) throw new RequestError(`The key was kept for ${kept.url}, and is not sent to ${url}. Give the key of ${url}.`, { code: 'wrong_key' });
  return kept.key;
}
