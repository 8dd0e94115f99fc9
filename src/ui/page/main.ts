// Defines the elements of the chat page. Importing their classes alone defines nothing, so that a page which embeds some
// of them, and a bundler that drops what is unused, get no surprise.
import { App } from './app.ts';
import { BudgetSlider } from '../models/plan/budget-slider.ts';
import { ChatList } from '../chat/chat-list.ts';
import { ChatSettingsDialog } from '../chat/chat-settings.ts';
import { Composer } from '../chat/composer.ts';
import { ErrorBanner } from './error-banner.ts';
import { Header } from './header.ts';
import { KeepOptions } from '../models/keep-options.ts';
import { LinkQuestionDialog } from '../models/link-question.ts';
import { LoadProgress } from '../models/load-progress.ts';
import { MessageList } from '../chat/message-list.ts';
import { MessageElement } from '../chat/message.ts';
import { ModelCard } from '../models/model-card.ts';
import { ModelPlanCard } from '../models/plan/model-plan.ts';
import { NoModel } from '../models/no-model.ts';
import { NoWebGpu } from './no-webgpu.ts';
import { Notice } from './notice.ts';
import { MemoryChoice } from '../models/plan/memory-choice.ts';
import { SecretDialog } from '../models/secret-dialog.ts';
import { ServerOffer } from '../server/server-offer.ts';
import { Shell } from './shell.ts';
import { StoredModels } from '../models/stored-models.ts';

customElements.define('windrow-shell', Shell);
customElements.define('windrow-header', Header);
customElements.define('windrow-chat-list', ChatList);
customElements.define('windrow-chat-settings', ChatSettingsDialog);
customElements.define('windrow-error-banner', ErrorBanner);
customElements.define('windrow-stored-models', StoredModels);
customElements.define('windrow-budget', BudgetSlider);
customElements.define('windrow-memory', MemoryChoice);
customElements.define('windrow-keep-options', KeepOptions);
customElements.define('windrow-secret', SecretDialog);
customElements.define('windrow-link-question', LinkQuestionDialog);
customElements.define('windrow-model-plan', ModelPlanCard);
customElements.define('windrow-model-card', ModelCard);
customElements.define('windrow-load-progress', LoadProgress);
customElements.define('windrow-message', MessageElement);
customElements.define('windrow-message-list', MessageList);
customElements.define('windrow-server-offer', ServerOffer);
customElements.define('windrow-composer', Composer);
customElements.define('windrow-no-model', NoModel);
customElements.define('windrow-no-webgpu', NoWebGpu);
customElements.define('windrow-notice', Notice);
customElements.define('windrow-app', App); // last: the one in the page begins to work at once

declare global {
  interface HTMLElementTagNameMap {
    'windrow-app': App;
  }
}
