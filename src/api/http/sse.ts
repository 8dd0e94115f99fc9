// Answers in pieces as server-sent events, as OpenAI's streams are.
import { errorBody } from './errors.ts';

export interface EventsOptions<T> {
  /** Whether an item comes before anything is known of the answer: an error after such ones alone is told by its status. */
  isBegin(item: T): boolean;
  /** The name of its event; default none. */
  nameOf?(item: T): string;
  /** What the stream ends with, after its items. */
  end?: string;
}

/** Throws what comes before the first item that is no beginning. Whoever leaves the body unread to its end stops the request. */
export async function eventStream<T>(items: AsyncIterableIterator<T>, { isBegin, nameOf, end = '' }: EventsOptions<T>): Promise<Response> {
  const first: IteratorResult<T>[] = [];
  do first.push(await items.next());
  while (!first.at(-1)!.done && isBegin(first.at(-1)!.value as T));
  const encoder = new TextEncoder();
  const write = (item: unknown, name?: string) => encoder.encode(`${name ? `event: ${name}\n` : ''}data: ${JSON.stringify(item)}\n\n`);
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      try {
        const { done, value } = first.shift() ?? (await items.next());
        if (!done) return controller.enqueue(write(value, nameOf?.(value)));
        if (end) controller.enqueue(encoder.encode(end));
      } catch (error) {
        controller.enqueue(write(errorBody(error), nameOf && 'error'));
      }
      controller.close();
    },
    async cancel() {
      await items.return?.();
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' } });
}
