// What loads have noted of the adapter, carried from one test's page to the next one's origin: each load then finds its
// kernels measured and tested, as a second visit does. Only the first test of a run pays for that; likewise for what plans measure.
import { type Page } from '@playwright/test';
import { blank } from './sites.ts';

/** [key, note][] as JSON. */
let notes = '';

/** Reads the notes of the page's origin, if there are any. */
export async function keepNotes(page: Page): Promise<void> {
  notes ||= await page.evaluate(() => new Promise<string>((resolve) => {
    const opening = indexedDB.open('windrow-tuning');
    opening.onsuccess = () => {
      const database = opening.result;
      if (!database.objectStoreNames.contains('records')) return resolve('');
      const records = database.transaction('records').objectStore('records');
      const [keys, values] = [records.getAllKeys(), records.getAll()];
      values.onsuccess = () => resolve(JSON.stringify(keys.result.map((key, i) => [key, values.result[i] as object])));
    };
  }));
}

/** Opens `address` with the notes in its origin. */
export async function visit(page: Page, address: string): Promise<void> {
  if (notes) {
    await page.goto(address + blank);
    await page.evaluate((kept) => new Promise<void>((resolve) => {
      const opening = indexedDB.open('windrow-tuning');
      opening.onupgradeneeded = () => void opening.result.createObjectStore('records');
      opening.onsuccess = () => {
        const transaction = opening.result.transaction('records', 'readwrite');
        for (const [key, value] of JSON.parse(kept) as [string, object][]) transaction.objectStore('records').put(value, key);
        transaction.oncomplete = () => resolve(opening.result.close());
      };
    }), notes);
  }
  await page.goto(address);
}

/** What a token costs on this GPU, as plans have measured it: [key, costs][]. */
let costs: [string, object][] = [];

const costRecords = 'windrow-gpu-costs';

/** Gives the pages of `origin` what plans of earlier tests have measured, so that theirs measure nothing: two seconds each. */
export async function giveCosts(page: Page, origin: string): Promise<void> {
  if (costs.length === 0) return;
  await page.addInitScript(([where, database, kept]) => {
    if (location.origin !== where || !isSecureContext) return;
    const opening = indexedDB.open(database);
    opening.onupgradeneeded = () => void opening.result.createObjectStore('records');
    opening.onsuccess = () => {
      const transaction = opening.result.transaction('records', 'readwrite');
      for (const [key, value] of kept) transaction.objectStore('records').put(value, key);
      transaction.oncomplete = () => opening.result.close();
    };
  }, [origin, costRecords, costs] as const);
}

/** Reads what plans of the page have measured, if there were any. */
export async function keepCosts(page: Page, origin: string): Promise<void> {
  if (page.isClosed() || new URL(page.url()).origin !== origin) return;
  const found = await page.evaluate(async (database) => {
    if (!isSecureContext || !(await indexedDB.databases()).some(({ name }) => name === database)) return [];
    return new Promise<[string, object][]>((resolve) => {
      const opening = indexedDB.open(database);
      opening.onsuccess = () => {
        const records = opening.result.transaction('records').objectStore('records');
        const [keys, values] = [records.getAllKeys(), records.getAll()];
        values.onsuccess = () => {
          opening.result.close();
          resolve(keys.result.map((key, i) => [key as string, values.result[i] as object]));
        };
      };
    });
  }, costRecords);
  if (found.length > costs.length) costs = found;
}
