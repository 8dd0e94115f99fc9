// The command line: parses it, has a command run and reports what comes of it.
import { Command, CommanderError, Option } from 'commander';
import { version } from '../../package.json';
import { RequestError } from '../errors.ts';
import { dawn } from '../node.ts';
import { declareCommands } from './commands.ts';
import { type Result } from './result.ts';

/** Whoever reads may have enough, as `head` has: then there is nobody left to tell anything. */
function leaveWithReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
}

/** Where the program says what comes of it. */
export interface Outcome {
  print(line: string): void;
  complain(line: string): void;
  exit(code: number): never;
}

function ofProcess(): Outcome {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', leaveWithReader);
  return { print: console.log, complain: console.error, exit: (code) => process.exit(code) };
}

/** Reports what went wrong and ends with exit code 1. With --json, standard output has the error alone. */
function fail({ print, complain, exit }: Outcome, thrown: unknown, json: boolean): never {
  const { name, message, stack, code } = readable(thrown as Error & { code?: string });
  if (json) print(JSON.stringify({ error: { name, code, message } }));
  complain(name === 'Error' || name === 'TypeError' ? (stack ?? message) : `${name}: ${message}`);
  return exit(1);
}

/** Errors of the file system name a file that the caller chose: no stack is needed. */
function readable(error: Error & { code?: string }): Error & { code?: string } {
  const { code, path }: NodeJS.ErrnoException = error;
  const reasons: Record<string, string> = {
    ENOENT: 'does not exist',
    EISDIR: 'is a folder',
    ENOTDIR: 'is not in a folder',
    EACCES: 'may not be opened',
    EPERM: 'may not be opened',
  };
  const reason = code === undefined ? undefined : reasons[code];
  return reason ? new RequestError(`${path ?? 'A file that was named'} ${reason}. Give another path.`) : error;
}

export async function main(argv: string[], outcome: Outcome = ofProcess()): Promise<void> {
  const json = argv.includes('--json');
  const program = new Command('windrow')
    .description('Runs GGUF language models on the GPU, within a memory budget.')
    .option('--json', 'print results as JSON')
    .version(version);
  // Commands take these over: wrong options are reported as any other error is.
  program.exitOverride().configureOutput({ outputError: () => {} });
  program.addHelpText('after', '\nEvery command takes --json.');

  const add = (command: Command, run: (...args: never[]) => Promise<Result>) =>
    command.addOption(new Option('--json', 'print the result as JSON')).action(async (...args: unknown[]) => {
      const given = args.at(-2) as { json?: boolean; experimental?: boolean };
      const options = { ...given, json: given.json || program.opts().json };
      try {
        if (given.experimental) dawn(['enable-dawn-features=allow_unsafe_apis']); // the one instance that the command finds
        const result = await run(...([...args.slice(0, -2), options] as never[]));
        // A pipe may take less than all at once: leave only when it has taken everything.
        await new Promise<void>((done) => process.stdout.write(`${options.json ? JSON.stringify(result.json) : result.text}\n`, () => done()));
        process.exit(result.code ?? 0);
      } catch (error) {
        fail(outcome, error, options.json);
      }
    });
  declareCommands(program, add);

  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.help' && json) fail(outcome, new RequestError('There is no command. See windrow --help.'), json);
    if (error.exitCode === 0 || error.code === 'commander.help') process.exit(error.exitCode); // help was asked for, or is the answer
    fail(outcome, new RequestError(`${error.message.replace(/^error: /, '').replace(/\s+/g, ' ').replace(/\.?$/, '.')} See windrow --help.`), json);
  }
}
