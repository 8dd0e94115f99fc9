// The body of a request: an object of JSON, no longer than allowed. What is too long is not read to its end.
import { HttpError } from './errors.ts';

export async function readObject(request: Request, mostBytes: number): Promise<Record<string, unknown>> {
  // A page of another site can send other types without asking first; JSON it cannot.
  const type = request.headers.get('content-type')?.split(';')[0].trim().toLowerCase();
  if (type !== 'application/json') throw new HttpError(415, 'unsupported_media_type', `The content type is ${type ?? 'absent'}; it must be application/json.`);
  const value = parse(await readText(request, mostBytes));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new HttpError(400, 'invalid_request', 'The body must be an object of JSON.');
  return value as Record<string, unknown>;
}

async function readText(request: Request, mostBytes: number): Promise<string> {
  const tooLong = () => new HttpError(413, 'request_too_large', `The body is longer than the ${mostBytes} bytes that are taken. Send less.`);
  if (Number(request.headers.get('content-length') ?? 0) > mostBytes) throw tooLong();
  const decoder = new TextDecoder();
  if (!request.body) { // Firefox's requests do not have it
    const all = await request.arrayBuffer();
    if (all.byteLength > mostBytes) throw tooLong();
    return decoder.decode(all);
  }
  let bytes = 0;
  let text = '';
  const reader = request.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    bytes += part.value.byteLength;
    if (bytes > mostBytes) {
      void reader.cancel().catch(() => {}); // whoever sends may be gone
      throw tooLong();
    }
    text += decoder.decode(part.value, { stream: true });
  }
  return text + decoder.decode();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new HttpError(400, 'invalid_request', `The body is not JSON: ${(error as Error).message}.`);
  }
}
