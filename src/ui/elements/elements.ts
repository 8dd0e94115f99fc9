// `import 'windrow/elements'`, or one script tag: defines <windrow-chat> and <windrow-model>, and the elements inside them.
import { WindrowChat } from './chat-element.ts';
import { Composer } from '../chat/composer.ts';
import { ErrorBanner } from '../page/error-banner.ts';
import { LoadProgress } from '../models/load-progress.ts';
import { MessageList } from '../chat/message-list.ts';
import { MessageElement } from '../chat/message.ts';
import { WindrowModel } from './model-element.ts';

export { WindrowChat, WindrowModel };

const elements = {
  'windrow-error-banner': ErrorBanner,
  'windrow-load-progress': LoadProgress,
  'windrow-message': MessageElement,
  'windrow-message-list': MessageList,
  'windrow-composer': Composer,
  'windrow-model': WindrowModel,
  'windrow-chat': WindrowChat,
};
// A page may have two scripts that bring windrow; the first one stays.
for (const [name, element] of Object.entries(elements)) if (!customElements.get(name)) customElements.define(name, element);

declare global {
  interface HTMLElementTagNameMap {
    'windrow-chat': WindrowChat;
    'windrow-model': WindrowModel;
  }
}
