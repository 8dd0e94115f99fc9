// The page stays smooth while the model works: no task of its main thread takes more than 50 ms of the thread's own time.
import { expect } from '@playwright/test';
import { ask, composer, idle, loadTiny, test } from './page.ts';

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  /** Microseconds of the thread's own time; on a busy machine the wall says nothing. */
  tdur?: number;
  args?: { name?: string };
}

test('typing, scrolling and stopping cause no long task while an answer is written', async ({ page }) => {
  await page.goto('/?max-tokens=250&temperature=0');
  await loadTiny(page);
  const session = await page.context().newCDPSession(page);
  const events: TraceEvent[] = [];
  session.on('Tracing.dataCollected', ({ value }) => events.push(...(value as unknown as TraceEvent[])));
  await session.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: ['toplevel', 'disabled-by-default-devtools.timeline', 'devtools.timeline', '__metadata'] } });
  await ask(page, 'Once upon a time');
  await composer(page).pressSequentially('What happens then?', { delay: 30 });
  await page.mouse.move(600, 300);
  for (let i = 0; i < 10; i++) await page.mouse.wheel(0, i % 2 ? 200 : -200);
  await page.getByRole('button', { name: 'Stop' }).click({ timeout: 5000 }).catch(() => {}); // it may have ended by itself
  await idle(page);
  const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
  await session.send('Tracing.end');
  await complete;
  const main = new Set(events.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain').map(({ pid, tid }) => `${pid} ${tid}`));
  const tasks = events.filter(({ name, pid, tid, tdur }) => name.endsWith('RunTask') && tdur !== undefined && main.has(`${pid} ${tid}`)).map(({ tdur }) => tdur! / 1000);
  expect(tasks.length).toBeGreaterThan(100);
  console.log(`${tasks.length} tasks, the longest ${Math.max(...tasks).toFixed(1)} ms`);
  expect(Math.max(...tasks)).toBeLessThan(50);
});
