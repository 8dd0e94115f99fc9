// @ts-check
// Finds a Chromium with WebGPU, or installs one, and knows how tests start it.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
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
  const found = findChromium(env);
  if (found) return { path: found };
  if (env.CHROMIUM_PATH) return { skipped: `CHROMIUM_PATH is ${env.CHROMIUM_PATH}, where there is no file` };
  const tried = ['no Chromium in a known place'];
  /** @type {{ name: string, commands: [string, string[]][] }[]} */
  const ways = [{ name: "Playwright's download", commands: [['npx', ['playwright', 'install', 'chromium']]] }];
  if (isRoot && existsSync('/etc/debian_version')) {
    ways.push({ name: 'apt-get', commands: [['apt-get', ['update']], ['apt-get', ['install', '-y', '--no-install-recommends', 'chromium']]] });
  } else {
    tried.push('not root on Debian, so no package is installed');
  }
  for (const { name, commands } of ways) {
    console.log(`No Chromium found; trying ${name}`);
    const works = commands.every(([command, args]) => spawnSync(command, args, { stdio: 'inherit', timeout: 600_000, shell: process.platform === 'win32' }).status === 0);
    const path = works && findChromium(env);
    if (path) return { path };
    tried.push(`${name} failed`);
  }
  return { skipped: `${tried.join('; ')}. Name one in CHROMIUM_PATH` };
}
