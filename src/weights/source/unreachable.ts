// Why a file at an address may not be readable where others read it, in words. Reads nothing: browsers tell a page no reason.

/** The origin of the page, 'null' for one without; undefined where there is no page, as in Node. */
export type Origin = string | undefined;

const onThisMachine = /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/;
const privateAddress = /^(10(\.\d+){3}|192\.168(\.\d+){2}|172\.(1[6-9]|2\d|3[01])(\.\d+){2}|169\.254(\.\d+){2}|\[f[cde][\da-f]{2}:.*\])$/;
const privateName = /^([^.]+|.*\.(local|lan|home|internal|home\.arpa))$/;
const isInThisNetwork = (host: string): boolean => privateAddress.test(host) || privateName.test(host);

/** What to check when a request for `address` fails without an answer. `address`: absolute, without what may be a secret. */
export function whatToCheck(address: string, page: Origin): string {
  const { protocol, hostname } = new URL(address);
  const isPage = fileOfPage(address);
  if (isPage) return `It looks like the page about a file; the file itself is at ${isPage}.`;
  if (page === undefined) return 'Check the connection and the address.';
  const from = page === 'null' ? { protocol: '', hostname: 'frame.invalid' } : new URL(page);
  if (from.protocol === 'https:' && protocol === 'http:' && !onThisMachine.test(hostname)) {
    return 'This page came by https, and browsers let such a page read nothing by http. Give an https address, or open the file from the disk.';
  }
  const isNear = onThisMachine.test(hostname) || isInThisNetwork(hostname);
  if (isNear && !onThisMachine.test(from.hostname) && !isInThisNetwork(from.hostname))
    return `${atServer} The browser may also ask whether this page may reach the local network: allow it.`;
  return atServer;
}

const atServer = 'Check the connection, and that the server allows this page (CORS) and does not compress the file.';

/** Where the file lies whose page on a hub or a forge `address` is; undefined for what is none. */
export function fileOfPage(address: string): string | undefined {
  const { hostname, pathname } = new URL(address);
  if (!/^\/[^/]+\/[^/]+(\/-)?\/blob\/./.test(pathname)) return undefined;
  return address.replace('/blob/', /(^|\.)(git(hub|lab|ea)?|codeberg)\./.test(hostname) ? '/raw/' : '/resolve/');
}
