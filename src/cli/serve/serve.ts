// windrow serve: OpenAI's surface over HTTP, for one model on Dawn.
import { type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { errorResponse, HttpError } from '../../api/http/errors.ts';
import { createHandler, type Handler } from '../../api/http/handler.ts';
import { createSurface } from '../../api/surface.ts';
import { type Engine } from '../../engine/engine.ts';
import { RequestError } from '../../errors.ts';
import { type ModelFlags, openEngine } from '../options.ts';
import { type Result } from '../result.ts';
import { backendOf } from '../../node/backend.ts';
import { guarded, isLocalHost } from './guard.ts';
import { createHttpServer } from './node-http.ts';

interface Flags extends ModelFlags {
  host: string;
  port: number;
  apiKey?: string;
  origin?: string[];
  maxBody?: number;
}

/** The address, and how to end: what is under way is stopped, the GPU is freed. */
export interface Serving {
  url: string;
  close(): Promise<void>;
}

/** Answers until SIGINT or SIGTERM. */
export async function serve(path: string, flags: Flags): Promise<Result> {
  const options = checked(flags);
  const serving = await startServer(() => openEngine(path, flags), options);
  console.error(`Listening at ${serving.url}/v1 (${options.apiKey === undefined ? 'no key needed' : 'with a key'}). Ctrl+C ends it.`);
  const signal = await new Promise<string>((resolve) => ['SIGINT', 'SIGTERM'].forEach((name) => process.once(name, () => resolve(name))));
  await serving.close();
  return { json: { url: serving.url, signal }, text: `Ended by ${signal}.` };
}

type Options = Pick<Flags, 'host' | 'port' | 'apiKey' | 'maxBody'> & { origins: string[] };

function checked({ host, port, apiKey = process.env.WINDROW_API_KEY, origin = [], maxBody }: Flags): Options {
  if (!isLocalHost(host) && !apiKey)
    throw new RequestError(`--host ${host} is open to other machines. Give a key that they have to send, by --api-key or WINDROW_API_KEY.`);
  const wrong = origin.find((each) => !URL.canParse(each) || new URL(each).origin !== each);
  if (wrong !== undefined) throw new RequestError(`--origin is ${wrong}; it must be as in https://example.org, without a path.`);
  return { host, port, apiKey: apiKey || undefined, origins: origin, maxBody };
}

const loading: Handler = async () => errorResponse(new HttpError(503, 'not_loaded', 'The model is still being loaded. Ask again in a while.'));

/** Takes the port before the model is loaded, which may take minutes. Asked meanwhile, it answers 503. */
export async function startServer(load: () => Promise<Engine>, { host, port, apiKey, origins, maxBody }: Options): Promise<Serving> {
  let handler = loading;
  const server = createHttpServer(guarded((request) => handler(request), { apiKey, origins, isLocal: isLocalHost(host) }));
  await listen(server, port, host);
  const { port: taken } = server.address() as AddressInfo;
  try {
    const engine = await load();
    handler = createHandler(createSurface(backendOf(engine)), { maxBodyBytes: maxBody });
    return {
      url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}`,
      async close() {
        await close(server);
        await engine.unload();
      },
    };
  } catch (error) {
    await close(server);
    throw error;
  }
}

function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections(); // which aborts what is under way
  return closed;
}

const listen = (server: Server, port: number, host: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? new RequestError(`Port ${port} of ${host} is in use. Give another by --port.`) : error),
    );
    server.listen(port, host, resolve);
  });
