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

/** Where the program says what comes of it. A pipe may take less than all at once: leave only when what was said is taken. */
export interface Outcome {
  /** To standard output. */
  print(text: string): Promise<void>;
  /** To standard error. */
  complain(text: string): Promise<void>;
  exit(code: number): never;
}

function ofProcess(): Outcome {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', leaveWithReader);
  const to = (stream: NodeJS.WriteStream) => (text: string) => new Promise<void>((taken) => stream.write(text, () => taken()));
  return { print: to(process.stdout), complain: to(process.stderr), exit: (code) => process.exit(code) };
}

/** Reports what went wrong and ends with exit code 1. With --json, standard output has the error alone. */
async function fail({ print, complain, exit }: Outcome, thrown: unknown, json: boolean): Promise<never> {
  const { name, message, stack, code } = readable(thrown as Error & { code?: string });
  if (json) await print(`${JSON.stringify({ error: { name, code, message } })}\n`);
  await complain(`${name === 'Error' || name === 'TypeError' ? (stack ?? message) : `${name}: ${message}`}\n`);
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
  const help: Promise<void>[] = [];
  // Commands take these over: wrong options are reported as any other error is.
  program.exitOverride().configureOutput({
    writeOut: (text) => void help.push(outcome.print(text)),
    writeErr: (text) => void help.push(outcome.complain(text)),
    outputError: () => {},
  });
  program.addHelpText('after', '\nEvery command takes --json.');

  const add = (command: Command, run: (...args: never[]) => Promise<Result>) =>
    command.addOption(new Option('--json', 'print the result as JSON')).action(async (...args: unknown[]) => {
      const given = args.at(-2) as { json?: boolean; experimental?: boolean };
      const options = { ...given, json: given.json || program.opts().json };
      let code: number;
      try {
        if (given.experimental) dawn(['enable-dawn-features=allow_unsafe_apis']); // the one instance that the command finds
        const result = await run(...([...args.slice(0, -2), options] as never[]));
        await outcome.print(`${options.json ? JSON.stringify(result.json) : result.text}\n`);
        code = result.code ?? 0;
      } catch (error) {
        return fail(outcome, error, options.json);
      }
      outcome.exit(code);
    });
  declareCommands(program, add);

  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    await Promise.all(help);
    if (error.code === 'commander.help' && json) await fail(outcome, new RequestError('There is no command. See windrow --help.'), json);
    if (error.exitCode === 0 || error.code === 'commander.help') outcome.exit(error.exitCode); // help was asked for, or is the answer
    await fail(outcome, new RequestError(`${error.message.replace(/^error: /, '').replace(/\s+/g, ' ').replace(/\.?$/, '.')} See windrow --help.`), json);
  }
}
