// The address of a server's surface, as people write it.
import { RequestError, shown } from '../../errors.ts';

/** As in `http://localhost:11434/v1`, without a slash at its end; `/v1` is added where there is no path. @throws RequestError */
export function toServerUrl(text: string): string {
  const wrong = (what: string): RequestError =>
    new RequestError(`The server's address ${shown(text)} ${what}. Give one as in http://localhost:11434/v1.`);
  const trimmed = typeof text === 'string' ? text.trim() : '';
  if (!URL.canParse(trimmed)) throw wrong('is no http or https address');
  const url = new URL(trimmed);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw wrong('is no http or https address');
  if (url.username || url.password) throw wrong('has a name or a password in it; a key is given by itself');
  if (url.search || url.hash) throw wrong('has more behind its path, which would be lost');
  const path = url.pathname.replace(/\/+$/, '');
  return `${url.origin}${path || '/v1'}`;
}
