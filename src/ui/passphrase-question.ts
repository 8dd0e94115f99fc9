// The question for the passphrase of a model that is stored encrypted, while something waits for it. View state; the
// element is passphrase.ts.
import { RequestError } from '../errors.ts';
import { type LoadOptions } from '../protocol.ts';

type Given = Pick<LoadOptions, 'encryption' | 'keep'>;

/** Whether `error` says that a passphrase is missing, or is not the one. */
export const needsPassphrase = (error: unknown): error is RequestError =>
  error instanceof RequestError && /Give its key or its passphrase|The passphrase is not the one/.test(error.message);

export class PassphraseQuestion {
  /** The model's name, while it is asked. */
  name: string | null = null;
  wrong = false;
  private answered: ((passphrase: string | undefined) => void) | null = null;

  constructor(private readonly changed: () => void) {}

  /** Does `work` with what is given, and again with each passphrase that the visitor gives, until it is the right one. */
  async during<T>(name: string, given: Given, signal: AbortSignal | undefined, work: (given: Given) => Promise<T>): Promise<T> {
    for (let wrong = false; ; wrong = true) {
      try {
        return await work(given);
      } catch (error) {
        if (!needsPassphrase(error) || signal?.aborted) throw error;
        const passphrase = await this.ask(name, wrong);
        if (passphrase === undefined) throw error;
        given = { encryption: { passphrase } };
      }
    }
  }

  answer(passphrase: string): void {
    this.settle(passphrase);
  }

  cancel(): void {
    this.settle(undefined);
  }

  private ask(name: string, wrong: boolean): Promise<string | undefined> {
    this.name = name;
    this.wrong = wrong;
    this.changed();
    return new Promise((resolve) => (this.answered = resolve));
  }

  private settle(passphrase: string | undefined): void {
    this.name = null;
    this.answered?.(passphrase);
    this.answered = null;
    this.changed();
  }
}
