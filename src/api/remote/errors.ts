// What a server says is wrong, as the errors of an engine.
import { errorCodes, RequestError, reviveError } from '../../errors.ts';

/** The class that has `code`, if windrow has such a code: `windrow serve` tells its own. */
const classOf = (code: unknown): string | undefined =>
  Object.entries(errorCodes).find(([, codes]) => (codes as readonly unknown[]).includes(code))?.[0];

const codes = { 401: 'access_denied', 403: 'access_denied', 404: 'not_found', 429: 'rate_limited' } as const;

/** `told`: what the server told, in one of the forms that servers have. `status`: of the answer, or undefined in the middle of one. */
export function serverError(host: string, told: unknown, status?: number): Error {
  const { message, code } = read(told);
  const text = `The server at ${host} ${status === undefined ? 'broke off its answer' : `answered ${status}`}${message ? `: ${message}` : '.'}`;
  const name = classOf(code);
  if (name) return reviveError({ name, message: text, code: code as string });
  if (status === undefined || status >= 500) return new Error(text);
  return new RequestError(text, { code: codes[status as keyof typeof codes] ?? 'invalid_request' });
}

function read(told: unknown): { message?: string; code?: unknown } {
  if (typeof told === 'string') return { message: told.slice(0, 500) };
  if (typeof told !== 'object' || told === null) return {};
  const { error, message, detail, code } = told as Record<string, unknown>; // OpenAI's and most, older vLLM's, FastAPI's
  if (error !== undefined && error !== null) return read(error);
  const text = message ?? detail;
  return { message: text === undefined ? undefined : typeof text === 'string' ? text : JSON.stringify(text).slice(0, 500), code };
}
