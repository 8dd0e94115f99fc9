// Answers of which a request says what form they have. Grammars are a chunk of their own, loaded when a request first asks.
import { RequestError } from '../../errors.ts';
import { type GenerateRequest } from '../../protocol.ts';
import { type Constraint } from '../../text/grammar/constraint.ts';
import { type Text } from '../load/opened.ts';

/** What an answer has to keep to; undefined where everything goes. `vocab` gives how many tokens logits are of. */
export async function constraintFor({ grammar }: GenerateRequest, text: Text | undefined, vocab: () => number): Promise<Constraint | undefined> {
  if (!grammar) return undefined;
  if (!text) throw new RequestError('The file has no tokenizer, so that its answers have no text and can keep to no grammar.');
  const { constraintsOf } = await import('../../text/grammar/grammar.ts');
  return constraintsOf(grammar, { tokenizer: text.tokenizer, ends: text.template.endOfTurn, size: vocab() }).begin();
}
