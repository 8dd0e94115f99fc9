// @ts-check
// Finds the software GPUs that tests run on under Dawn: Mesa's lavapipe, installed where that is possible, and the
// SwiftShader that comes with Chromium. Each is named by its Vulkan driver file (ICD), for VK_ICD_FILENAMES.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findChromium } from './browser.mjs';

/** @typedef {{ name: string, icd: string, description: string } | { name: string, skipped: string }} Adapter */

const oldestMesa = 24; // lavapipe of Mesa 22 and 23 lacks what Dawn needs

/**
 * lavapipe and SwiftShader, each with its driver file or the reason why it cannot be used.
 * @returns {Adapter[]}
 */
export function ensureAdapters() {
  return [ensureLavapipe(), findSwiftShader()];
}

/**
 * Environment in which lavapipe compiles a kernel for vectors of 128 bits, which takes half the time of those of 256; its subgroups have 4
 * threads then in place of 8. With a cache of its own, as Mesa's does not tell the two apart.
 * @returns {Record<string, string>}
 */
export const narrowLavapipe = () => ({
  LP_NATIVE_VECTOR_WIDTH: '128',
  MESA_SHADER_CACHE_DIR: join(process.env.MESA_SHADER_CACHE_DIR ?? process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'windrow-narrow'),
});

/** @returns {Adapter} */
function ensureLavapipe() {
  const name = 'lavapipe';
  const found = checked(name, lavapipeFile());
  if ('icd' in found) return found;
  const refusal = installMesa();
  return refusal ? { name, skipped: `${found.skipped}; ${refusal}` } : checked(name, lavapipeFile());
}

/** @returns {Adapter} */
function findSwiftShader() {
  if (!findChromium()) return { name: 'SwiftShader', skipped: 'there is no Chromium that would bring it along' };
  return checked('SwiftShader', swiftShaderFile());
}

/** The driver file that a Chromium here brings along. */
export function swiftShaderFile() {
  const chromium = findChromium();
  // Debian's /usr/bin/chromium is a script beside nothing; the program lies in /usr/lib.
  const folders = [...(chromium ? [dirname(realpathSync(chromium))] : []), '/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'];
  return folders.map((folder) => join(folder, 'vk_swiftshader_icd.json')).find((file) => existsSync(file));
}

function lavapipeFile() {
  const folders = ['/usr/local/share/vulkan/icd.d', '/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d'].filter((folder) => existsSync(folder));
  return folders.flatMap((folder) => readdirSync(folder).map((file) => join(folder, file))).find((file) => /\/lvp_icd.*\.json$/.test(file));
}

/**
 * The adapter, if Dawn really gets a device from it. Asked in another process, since a broken driver may crash.
 * @param {string} name
 * @param {string | undefined} icd
 * @returns {Adapter}
 */
function checked(name, icd) {
  if (!icd) return { name, skipped: 'no driver file found' };
  const ask = `import { create, globals } from 'webgpu';
    Object.assign(globalThis, globals);
    const gpu = create([]);
    const adapter = await gpu.requestAdapter();
    const device = await adapter?.requestDevice();
    console.log(device ? 'device on ' + adapter.info.description : 'no adapter');
    process.exit();`;
  const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', ask], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, VK_ICD_FILENAMES: icd, XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? '/tmp' },
    encoding: 'utf8',
    timeout: 60_000,
  });
  const description = /device on (.*)/.exec(stdout ?? '')?.[1];
  if (status !== 0 || description === undefined) return { name, skipped: `Dawn gets no device by ${icd} (exit status ${status})` };
  const mesa = Number(/Mesa (\d+)/.exec(description)?.[1] ?? oldestMesa);
  if (mesa < oldestMesa) return { name, skipped: `${description} is too old; needed is Mesa ${oldestMesa}` };
  return { name, icd, description };
}

/** Where this machine already gets Debian 12 from. @returns {string | undefined} */
function debianMirror() {
  const folder = '/etc/apt/sources.list.d';
  const files = ['/etc/apt/sources.list', ...(existsSync(folder) ? readdirSync(folder).map((name) => `${folder}/${name}`) : [])];
  for (const file of files.filter((path) => existsSync(path))) {
    const text = readFileSync(file, 'utf8');
    const line = /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+bookworm\s.*main/m.exec(text);
    const entry = text.split(/\n\s*\n/).find((each) => /^Suites:.*\bbookworm\b/m.test(each) && /^Components:.*\bmain\b/m.test(each));
    const mirror = line?.[1] ?? /^URIs:\s*(\S+)/m.exec(entry ?? '')?.[1];
    if (mirror) return mirror;
  }
  return undefined;
}

/** Installs lavapipe by apt; the reason if it cannot. @returns {string | undefined} */
function installMesa() {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return 'not root on Debian, so it is not installed';
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  const install = ['install', '-y', '--no-install-recommends', 'mesa-vulkan-drivers', 'libvulkan1'];
  if (/VERSION_CODENAME=bookworm/.test(release)) {
    // Debian 12 itself has Mesa 22.
    const list = '/etc/apt/sources.list.d/windrow-backports.list';
    const mirror = debianMirror();
    if (!mirror) return 'apt has no source for bookworm, so backports cannot be added';
    if (!existsSync(list)) writeFileSync(list, `deb ${mirror} bookworm-backports main\n`);
    install.push('-t', 'bookworm-backports');
  }
  console.log('No usable lavapipe found; installing mesa-vulkan-drivers');
  const works = [['update'], install].every((args) => spawnSync('apt-get', args, { stdio: 'inherit', timeout: 600_000 }).status === 0);
  return works ? undefined : 'apt-get could not install it';
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(ensureAdapters());
