// @ts-check
// Finds the browsers that tests run in, or installs them, and knows how they are started: Chromium and Firefox, with WebGPU.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { chromium } from 'playwright';

const isRoot = process.getuid?.() === 0;

/** With `WINDROW_GPU=1` the machine's own GPU is used, else SwiftShader, which every Chromium brings along. */
export const chromiumArgs = [
  ...(process.platform === 'linux' && isRoot ? ['--no-sandbox'] : []), // the sandbox refuses root
  '--enable-unsafe-webgpu',
  ...(process.env.WINDROW_GPU === '1' ? [] : ['--use-webgpu-adapter=swiftshader']),
  '--enable-features=Vulkan',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const home = process.env.LOCALAPPDATA ?? '';
const knownPaths = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
  `${home}\\Google\\Chrome\\Application\\chrome.exe`,
];

/**
 * The path of a Chromium: CHROMIUM_PATH, else a known place, else Playwright's own.
 * @returns {string | undefined}
 */
export function findChromium(env = process.env) {
  if (env.CHROMIUM_PATH) return existsSync(env.CHROMIUM_PATH) ? env.CHROMIUM_PATH : undefined;
  return [...knownPaths, chromium.executablePath()].find((path) => path && existsSync(path));
}

/**
 * As `findChromium`, but installs one where there is none: Playwright's download, else Debian's package.
 * @returns {{ path: string } | { skipped: string }}
 */
export function ensureChromium(env = process.env) {
  return ensure('Chromium', 'CHROMIUM_PATH', () => findChromium(env), env, [
    { name: "Playwright's download", commands: [['npx', ['playwright', 'install', 'chromium']]] }, ...debianPackage('chromium'),
  ]);
}

/** WebGPU is off by default on Linux, and lavapipe is on Firefox's list of refused drivers. */
export const firefoxPreferences = { 'dom.webgpu.enabled': true, 'gfx.webgpu.ignore-blocklist': true };

const knownFirefoxes = [
  '/usr/bin/firefox-esr',
  '/usr/bin/firefox',
  '/Applications/Firefox.app/Contents/MacOS/firefox',
  'C:\\Program Files\\Mozilla Firefox\\firefox.exe',
];
const oldestFirefox = 153; // the oldest that the tests were seen to pass in

/**
 * The path of a Firefox: FIREFOX_PATH, else a known place.
 * @returns {string | undefined}
 */
export function findFirefox(env = process.env) {
  if (env.FIREFOX_PATH) return existsSync(env.FIREFOX_PATH) ? env.FIREFOX_PATH : undefined;
  return knownFirefoxes.find((path) => existsSync(path));
}

/**
 * As `findFirefox`, but installs Debian's package where there is none, and refuses versions without a usable WebGPU.
 * @returns {{ path: string } | { skipped: string }}
 */
export function ensureFirefox(env = process.env) {
  const found = ensure('Firefox', 'FIREFOX_PATH', () => findFirefox(env), env, debianPackage('firefox-esr'));
  if ('skipped' in found) return found;
  const { stdout } = spawnSync(found.path, ['--version'], { encoding: 'utf8', timeout: 60_000, env: { ...env, HOME: tmpdir() } });
  const version = Number(/Firefox (\d+)/.exec(stdout ?? '')?.[1] ?? 0);
  if (version >= oldestFirefox) return found;
  return { skipped: `${found.path} is Firefox ${version || 'of an unknown version'}; needed is ${oldestFirefox}. Name another in FIREFOX_PATH` };
}

/** @typedef {{ name: string, commands: [string, string[]][] }} Way */

/** @param {string} name @returns {Way[]} */
const debianPackage = (name) => isRoot && existsSync('/etc/debian_version')
  ? [{ name: 'apt-get', commands: [['apt-get', ['update']], ['apt-get', ['install', '-y', '--no-install-recommends', name]]] }]
  : [];

/**
 * The browser, found or installed by one of `ways`.
 * @param {string} browser @param {string} variable @param {() => string | undefined} find @param {Record<string, string | undefined>} env @param {Way[]} ways
 * @returns {{ path: string } | { skipped: string }}
 */
function ensure(browser, variable, find, env, ways) {
  const found = find();
  if (found) return { path: found };
  if (env[variable]) return { skipped: `${variable} is ${env[variable]}, where there is no file` };
  const tried = [`no ${browser} in a known place`];
  for (const { name, commands } of ways) {
    console.log(`No ${browser} found; trying ${name}`);
    const works = commands.every(
      ([command, args]) => spawnSync(command, args, { stdio: 'inherit', timeout: 600_000, shell: process.platform === 'win32' }).status === 0,
    );
    const path = works && find();
    if (path) return { path };
    tried.push(`${name} failed`);
  }
  if (!ways.some(({ name }) => name === 'apt-get')) tried.push('not root on Debian, so no package is installed');
  return { skipped: `${tried.join('; ')}. Name one in ${variable}` };
}
