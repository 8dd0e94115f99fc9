// The service worker that makes the page work without the network. A new version waits until the visitor asks for it.
import { type ReactiveController, type ReactiveControllerHost } from 'lit';
import { scriptAddress } from '../../api/trusted.ts';

export class Updates implements ReactiveController {
  /** A new version has been downloaded. */
  ready = false;
  private registration: ServiceWorkerRegistration | undefined;

  constructor(private readonly host: ReactiveControllerHost) {
    host.addController(this);
  }

  async hostConnected(): Promise<void> {
    // In development there is none, and a page inside another one leaves the other's storage alone.
    if (!import.meta.env.PROD || !navigator.serviceWorker || window !== window.parent) return;
    this.registration = await navigator.serviceWorker.register(scriptAddress(new URL('sw.js', document.baseURI))).catch(() => undefined);
    this.look();
    this.registration?.addEventListener('updatefound', () => {
      this.registration!.installing?.addEventListener('statechange', () => this.look());
    });
  }

  /** The new version takes over, in all tabs, and this page is loaded anew. */
  update(): void {
    navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
    this.registration?.waiting?.postMessage({ type: 'SKIP_WAITING' });
  }

  later(): void {
    this.ready = false;
    this.host.requestUpdate();
  }

  private look(): void {
    this.ready = !!this.registration?.waiting && !!navigator.serviceWorker.controller;
    this.host.requestUpdate();
  }
}
