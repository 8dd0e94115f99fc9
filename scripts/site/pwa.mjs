// The vite plugin that makes the page installable and lets it start without the network: manifest and service worker. The
// service worker holds the page's own files, and never answers for models, other sites or anything else.
import { VitePWA } from 'vite-plugin-pwa';

const icon = (/** @type {string} */ src, /** @type {string} */ sizes, purpose = 'any') => ({
  src,
  sizes,
  type: src.endsWith('.svg') ? 'image/svg+xml' : 'image/png',
  purpose,
});

export const progressiveWebApp = () => VitePWA({
  registerType: 'prompt',
  injectRegister: false, // src/ui/page/updates.ts does, under the page's policy
  includeManifestIcons: false, // the pattern below has them
  manifest: {
    id: '../',
    name: 'windrow',
    short_name: 'windrow',
    description: 'Chat with a language model that runs in this page, on your own GPU.',
    start_url: '../',
    scope: '../',
    display: 'standalone',
    background_color: '#faf9f6',
    theme_color: '#2f6b4a',
    icons: [icon('icon.svg', 'any'), icon('icon-192.png', '192x192'), icon('icon-512.png', '512x512'), icon('icon-maskable.png', '512x512', 'maskable')],
    file_handlers: [{ action: '../', accept: { 'application/octet-stream': ['.gguf'] } }],
    share_target: { action: '../', method: 'GET', enctype: 'application/x-www-form-urlencoded', params: { text: 'shared', url: 'model' } },
  },
  workbox: {
    globPatterns: ['**/*.{html,js,css,svg,png,json}'],
    globIgnores: ['models/**'],
    ignoreURLParametersMatching: [/./], // options of the page: ?model=...
    navigateFallback: null,
    runtimeCaching: [],
    skipWaiting: false,
    clientsClaim: true, // the first visit already has it; no page is reloaded for that
    cleanupOutdatedCaches: true,
    sourcemap: false,
  },
});
