// The question for a secret while something waits for it: the passphrase of a model that is stored encrypted, or the access
// token of a model hub. Kept in memory at most. View state; the element is secret-dialog.ts.
import { hasCode } from '../../errors.ts';

/** Whether `error` says that a passphrase is missing, or is not the one. */
export const needsPassphrase = (error: unknown): boolean => hasCode(error, 'key_required', 'wrong_key');

/** Whether `error` says that the model hub asks who is there. */
export const needsToken = (error: unknown): boolean => hasCode(error, 'access_denied');

export class SecretQuestion {
  /** The model's name, while it is asked. */
  name: string | null = null;
  wrong = false;
  private answered: ((secret: string | undefined) => void) | null = null;

  /** `needed`: whether an error says that the secret is missing or wrong. */
  constructor(private readonly changed: () => void, private readonly needed: (error: unknown) => boolean) {}

  /** Does `work` with the secret if there is one, and again with each that the visitor gives, until it is the right one. */
  async during<T>(name: string, secret: string | undefined, signal: AbortSignal | undefined, work: (secret: string | undefined) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work(secret);
      } catch (error) {
        if (!this.needed(error) || signal?.aborted) throw error;
        const given = await this.ask(name, secret !== undefined);
        if (given === undefined) throw error;
        secret = given;
      }
    }
  }

  answer(secret: string): void {
    this.settle(secret);
  }

  cancel(): void {
    this.settle(undefined);
  }

  private ask(name: string, wrong: boolean): Promise<string | undefined> {
    this.settle(undefined); // of two at once the later: the first fails as if it had not been answered
    this.name = name;
    this.wrong = wrong;
    this.changed();
    return new Promise((resolve) => (this.answered = resolve));
  }

  private settle(secret: string | undefined): void {
    this.name = null;
    this.answered?.(secret);
    this.answered = null;
    this.changed();
  }
}
