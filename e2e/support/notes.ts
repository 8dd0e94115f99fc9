// What loads have noted of the adapter, carried from one test's page to the next one's origin: each load then finds its
// kernels measured and tested, as a second visit does. Only the first test of a run pays for that.
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
