// Requests to a server of OpenAI's HTTP surface: JSON, and streams of server-sent events. Knows no shapes of answers.
import { createParser } from 'eventsource-parser';
import { RequestError } from '../../errors.ts';
import { anySignal } from '../../signals.ts';
import { serverError } from './errors.ts';

export interface Server {
  /** As `toServerUrl` has it. */
  url: string;
  /** Sent with each request, to `url` alone. */
  headers: Record<string, string>;
  /** Aborted once the engine is unloaded, with the error that calls get. */
  closed: AbortSignal;
}

/** The JSON that the server answers. Rejects with the signal's reason. */
export async function askServer(server: Server, path: string, body: object | undefined, signal?: AbortSignal): Promise<unknown> {
  const both = signalOf(server, signal);
  try {
    const response = await send(server, path, body, both);
    return (await response.json().catch((error: Error) => {
      throw new Error(`The answer of the server at ${hostOf(server)} is no JSON: ${error.message}`);
    })) as unknown;
  } catch (error) {
    throw both.aborted ? both.reason : error;
  }
}

/** What the server's events hold, as JSON, up to `[DONE]` or the end. Ends with the signal's reason as an error. */
export async function* eventsOfServer(server: Server, path: string, body: object, signal?: AbortSignal): AsyncGenerator<unknown, void, void> {
  const both = signalOf(server, signal);
  const events: string[] = [];
  const parser = createParser({ onEvent: ({ data }) => events.push(data) });
  const decoder = new TextDecoder();
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  try {
    const response = await send(server, path, body, both);
    if (!response.headers.get('content-type')?.startsWith('text/event-stream'))
      throw new Error(`The server at ${hostOf(server)} does not stream: its answer is of the type ${response.headers.get('content-type') ?? 'none'}.`);
    reader = response.body!.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      parser.feed(decoder.decode(part.value, { stream: true }));
      for (const data of events.splice(0)) {
        if (data === '[DONE]') return;
        yield read(server, data);
      }
    }
  } catch (error) {
    throw both.aborted ? both.reason : error;
  } finally {
    void reader?.cancel().catch(() => {}); // where the stream is left: the server is to stop
  }
}

function read(server: Server, data: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch (error) {
    throw new Error(`An event of the server at ${hostOf(server)} is no JSON: ${(error as Error).message}`);
  }
  if (typeof value === 'object' && value !== null && 'error' in value && value.error) throw serverError(hostOf(server), value);
  return value;
}

const signalOf = ({ closed }: Server, signal: AbortSignal | undefined): AbortSignal => (signal ? anySignal([closed, signal]) : closed);

/** Nothing of the page goes along, and what the address leads to elsewhere is not followed: neither the key nor the conversation is for that. */
async function send(server: Server, path: string, body: object | undefined, signal: AbortSignal): Promise<Response> {
  signal.throwIfAborted();
  const headers = { ...server.headers, ...(body && { 'content-type': 'application/json' }) };
  const response = await fetch(`${server.url}/${path}`, {
    method: body ? 'POST' : 'GET', headers, body: body && toJson(body), signal, redirect: 'error', credentials: 'omit', referrerPolicy: 'no-referrer',
    cache: 'no-store',
  }).catch((error: Error) => {
    throw new Error(
      `The server at ${hostOf(server)} could not be reached: ${error.message}. Check its address, that it runs, that it lets pages of this site ask (CORS) ` +
      'and does not answer from elsewhere, and that the policy of this page (connect-src) names it.',
      { cause: error },
    );
  });
  if (response.ok) return response;
  const text = await response.text().catch(() => '');
  throw serverError(hostOf(server), parsed(text), response.status);
}

export const hostOf = ({ url }: Server): string => new URL(url).host;

function toJson(body: object): string {
  try {
    return JSON.stringify(body);
  } catch (error) {
    throw new RequestError(`The parameters are no JSON: ${(error as Error).message}`);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
