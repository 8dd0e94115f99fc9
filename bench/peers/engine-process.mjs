// The driver's side of the line protocol: starts an engine's process, asks it for rounds, ends it.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/**
 * Resolves when the engine is warm.
 * @param {string} name
 * @param {{ command: string[], env?: Record<string, string> }} how
 */
export async function startEngine(name, { command: [program, ...args], env }) {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', process.env.VERBOSE ? 'inherit' : 'pipe'] });
  const errors = []; // the last lines of standard error, for a message
  if (child.stderr) createInterface({ input: child.stderr }).on('line', (line) => errors.push(line.slice(0, 300)) > 20 && errors.shift());
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${name} ended with status ${child.exitCode}: ${errors.join('\n')}`);
      if (value.startsWith('{')) return JSON.parse(value); // engines print other things too
    }
  };
  try {
    const { ready } = await answer();
    return {
      name, about: ready, rounds: [],
      async run() {
        child.stdin.write('\n');
        const round = await answer();
        this.rounds.push(round);
        return round;
      },
      async end() {
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.stdin.write('end\n');
        const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
        await ended;
        clearTimeout(timer);
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}
