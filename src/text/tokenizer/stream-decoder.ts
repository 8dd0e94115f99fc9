// Turns tokens into text as they come, holding back bytes that are only the beginning of a character.
import { type PieceOptions, type Tokenizer } from './tokenizer.ts';

export interface StreamDecoder {
  /** The text that is complete with this token; perhaps empty. */
  push(id: number): string;
  /** What is left, half a character as U+FFFD; the decoder is then as new. */
  flush(): string;
}

export interface StreamDecoderOptions extends PieceOptions {
  /**
   * The tokens are a whole text, not the continuation of one: the space that tokenising put before it is dropped.
   * Default false, as an answer continues its prompt.
   */
  readonly wholeText?: boolean;
}

const space = 0x20;

export function createStreamDecoder(tokenizer: Tokenizer, { wholeText = false, special }: StreamDecoderOptions = {}): StreamDecoder {
  // A text may begin with U+FEFF, which TextDecoder would take for a byte order mark.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let dropSpace = wholeText && tokenizer.addSpacePrefix;
  return {
    push(id) {
      let bytes = tokenizer.piece(id, { special });
      if (dropSpace && id !== tokenizer.bos) {
        if (bytes[0] === space) bytes = bytes.subarray(1);
        dropSpace = false;
      }
      return decoder.decode(bytes, { stream: true });
    },
    flush() {
      dropSpace = wholeText && tokenizer.addSpacePrefix;
      return decoder.decode();
    },
  };
}
