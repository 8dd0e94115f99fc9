// Worker memory that there may not be.
import { BudgetError } from '../../errors.ts';

/** What `make` allocates; BudgetError in these words where there is no such memory. */
export function inMemory<T>(make: () => T, words: () => string): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // which is what engines have for memory that there is not
    throw new BudgetError(`${words()} Choose a shorter context, or fewer conversations at once.`, { cause: error });
  }
}
