// What people type, or copy from a browser, to name a model: a name on a hub in one of its spellings, or an address.
import { type ModelSource } from '../protocol.ts';

type Address = Extract<ModelSource, { url: string } | { repo: string }>;

/** `owner/repo` or `owner/repo:quantisation`, and no path of a file. */
const hubName = /^[\w-][\w.-]*\/(?!.*\.gguf$)[\w-][\w.-]*(:[\w.-]+)?$/i;
/** The web pages of the hub, under both of its names. */
const onHub = /^(?:https?:\/\/)?(?:www\.)?(?:huggingface\.co|hf\.co)\/(.+)$/i;
const hub = 'https://huggingface.co';
/** A host with a port, which URL takes for a scheme. */
const hostAndPort = /^(localhost|\d{1,3}(?:\.\d{1,3}){3}|\[[\da-f:]+\]|[\w-]+(?:\.[\w-]+)+):\d+(?:[/?#]|$)/i;
/** What `fetch` reads files from. */
const schemes = ['https:', 'http:', 'blob:', 'data:'];

/** `base`: what an address may be relative to. @throws TypeError for what is no address. */
export function readAddress(text: string, base?: string): Address {
  const name = text.trim();
  const path = onHub.exec(name)?.[1];
  const named = path === undefined ? undefined : ofHub(path);
  if (named) return named;
  if (hubName.test(name)) return { repo: name };
  const host = hostAndPort.exec(name)?.[1];
  const scheme =
    path !== undefined && !/^https?:/i.test(name) ? 'https://' : host === undefined ? '' : /^(localhost|[\d.]+|\[.*\])$/i.test(host) ? 'http://' : 'https://';
  return { url: toAddress(scheme + name, base) };
}

/** @throws TypeError for what is no address of a file that `fetch` reads. */
export function toAddress(text: string, base?: string): string {
  const url = new URL(text, base);
  if (!schemes.includes(url.protocol)) throw new TypeError(`${url.protocol} is no http or https address`);
  return url.href;
}

/** What a path on the hub stands for: a repository, or a file whose page (`blob`, or a panel on the repository's) was copied. */
function ofHub(path: string): Address | undefined {
  const [, route, query = ''] = /^([^?#]*)(?:\?([^#]*))?/.exec(path)!;
  const [, repo, rest = ''] = /^([\w-][\w.-]*\/[\w-][\w.-]*(?::[\w.-]+)?)(\/.*)?$/.exec(route) ?? [];
  if (repo === undefined) return undefined;
  const shown = new URLSearchParams(query).get('show_file_info');
  if (shown?.match(/\.gguf$/i)) return { url: `${hub}/${repo}/resolve/main/${shown.split('/').map(encodeURIComponent).join('/')}` };
  const [, file] = /^\/(?:blob|raw)\/(.+)$/.exec(rest) ?? [];
  if (file !== undefined) return { url: `${hub}/${repo}/resolve/${file}` };
  return rest === '' || rest === '/' || rest.startsWith('/tree/') ? { repo } : undefined;
}
