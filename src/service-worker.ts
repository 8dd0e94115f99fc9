// What `import 'windrow/service-worker'` gives: one half for the site's service worker, one for the page that holds the engine.
export { answerFetch, type AnswerOptions } from './api/service-worker/answer-fetch.ts';
export { serveToServiceWorker, type PageOptions } from './api/service-worker/serve-page.ts';
