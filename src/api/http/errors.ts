// Errors as OpenAI's servers tell them: a status, and a body of `{ error: { message, type, param, code } }`.
import { type ErrorCode } from '../../errors.ts';
import { json } from './json.ts';

/** What is wrong with a request as HTTP has it: no such path, too long a body. */
export class HttpError extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Record<string, string>;

  constructor(status: number, code: string, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** Statuses of errors that are not the request's fault; clients ask again after a 429 or 503. */
const statuses: Partial<Record<ErrorCode, number>> = {
  queue_full: 429,
  not_loaded: 503, over_budget: 503, gpu_out_of_memory: 503, gpu_lost: 503, no_gpu: 503, worker_failed: 503, gpu_refused_work: 500, kernel_failed: 500,
};
const types: Record<number, string> = { 401: 'authentication_error', 403: 'permission_error', 404: 'not_found_error', 429: 'rate_limit_error' };

export function statusOf(error: unknown): number {
  if (error instanceof HttpError) return error.status;
  const { name, code } = error as { name?: string; code?: ErrorCode };
  if (name === 'AbortError') return 499; // nobody reads it
  return (code && statuses[code]) ?? (name === 'RequestError' || name === 'UnsupportedModelError' ? 400 : 500);
}

export function errorBody(error: unknown): { error: { message: string; type: string; param: null; code: string | null } } {
  const { message, code } = error as { message?: string; code?: string };
  const status = statusOf(error);
  const type = types[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error');
  return { error: { message: message ?? String(error), type, param: null, code: typeof code === 'string' ? code : null } };
}

export const errorResponse = (error: unknown): Response => json(errorBody(error), statusOf(error), error instanceof HttpError ? error.headers : {});
