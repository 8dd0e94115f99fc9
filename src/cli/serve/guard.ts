// Who may ask: programs of this machine, whoever has the key, and pages of the origins that were named. A page elsewhere can make a
// visitor's browser send requests to this machine, under its own name or, by a name of its own that it has point here, as if from here.
import { createHash, timingSafeEqual } from 'node:crypto';
import { HttpError, errorResponse } from '../../api/http/errors.ts';
import { type Handler } from '../../api/http/handler.ts';

export interface GuardOptions {
  /** Required of every request, as `Authorization: Bearer KEY`, if given. */
  apiKey?: string;
  /** Of pages that may ask, as in `https://example.org`. */
  origins: readonly string[];
  /** Where the server listens on this machine alone: then requests have to be sent to this machine by name. */
  isLocal: boolean;
}

const localNames = ['localhost', '127.0.0.1', '[::1]'];
export const isLocalHost = (host: string): boolean => localNames.includes(host) || host === '::1';

/** `url` of a request is what its Host header says. */
export const guarded = (handler: Handler, { apiKey, origins, isLocal }: GuardOptions): Handler => async (request) => {
  const origin = request.headers.get('origin');
  const { hostname, origin: own } = new URL(request.url);
  const isAllowed = origin === null || origin === own || origins.includes(origin);
  const answer = async (): Promise<Response> => {
    if (isLocal && !localNames.includes(hostname))
      throw new HttpError(403, 'foreign_host', `The request was sent to ${hostname}; this server answers to ${localNames.join(', ')}.`);
    if (!isAllowed) throw new HttpError(403, 'foreign_origin', `Pages of ${origin} may not ask this server. Start it with --origin ${origin} if they may.`);
    if (request.method === 'OPTIONS') return new Response(null, { status: 204, headers: preflight });
    if (apiKey !== undefined && !isSame(request.headers.get('authorization') ?? '', `Bearer ${apiKey}`))
      throw new HttpError(401, 'invalid_api_key', 'The key is missing or wrong. Send the one that the server was started with, as Authorization: Bearer KEY.', {
        'www-authenticate': 'Bearer',
      });
    return handler(request);
  };
  const response = await answer().catch(errorResponse);
  if (origin !== null && isAllowed) {
    response.headers.set('access-control-allow-origin', origin);
    response.headers.append('vary', 'origin');
  }
  return response;
};

const preflight = {
  'access-control-allow-methods': 'GET, POST',
  'access-control-allow-headers': '*, authorization',
  'access-control-allow-private-network': 'true',
  'access-control-max-age': '600',
};

/** In a time that does not tell how much of it is right. */
function isSame(given: string, wanted: string): boolean {
  const [a, b] = [given, wanted].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(a, b);
}
