// The memory of a Chromium, all its processes together, from /proc (Linux only).
import { readFileSync, readdirSync } from 'node:fs';

/** Parents of all processes, and those whose command line names `profile`. */
function processesOf(/** @type {string} */ profile) {
  const parents = new Map();
  const roots = new Set();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      parents.set(pid, /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
      if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`--user-data-dir=${profile}`)) roots.add(pid);
    } catch {
      // it has ended meanwhile
    }
  }
  return { parents, roots };
}

/** The processes that were started with `profile`: the browser itself. */
export const browsersOf = (/** @type {string} */ profile) => [...processesOf(profile).roots].map(Number);

/** Summed proportional set size, in bytes, of the browser that was started with `profile` and of all its children. */
export function pssOf(/** @type {string} */ profile) {
  const { parents, roots } = processesOf(profile);
  const belongs = (/** @type {string | undefined} */ pid) => {
    for (; pid && pid !== '0'; pid = parents.get(pid)) if (roots.has(pid)) return true;
    return false;
  };
  let bytes = 0;
  for (const pid of parents.keys()) {
    if (!belongs(pid)) continue;
    try {
      bytes += 1024 * Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
    } catch {
      // it has ended meanwhile
    }
  }
  return bytes;
}

/** Samples every `everyMs` until stopped; tells the most, and how much that is above the first sample. */
export function samplePss(/** @type {string} */ profile, everyMs = 200) {
  const start = pssOf(profile);
  let peak = start;
  const timer = setInterval(() => (peak = Math.max(peak, pssOf(profile))), everyMs);
  return {
    stop() {
      clearInterval(timer);
      peak = Math.max(peak, pssOf(profile));
      return { start, peak, growth: peak - start };
    },
  };
}
