// What answers a conversation: a model of this page, or one on a server. Types only.
import { type Engine } from '../../api/engine.ts';
import { type ModelInfo } from '../../protocol.ts';

/** Of a model on a server nobody knows how large it is, nor how long its context. */
export interface Answerer {
  readonly info: Pick<ModelInfo, 'name'> &
    Partial<Pick<ModelInfo, 'parameters' | 'context' | 'promptEnd' | 'thinking'>> & {
      /** Where all that is asked goes, as in `models.example.org`; undefined on this device. */
      readonly host?: string;
    };
  readonly chat: Engine['chat'];
  /** Undefined where tokens cannot be counted beforehand. */
  readonly countTokens?: Engine['countTokens'];
}
