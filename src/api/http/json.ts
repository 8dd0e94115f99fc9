// Answers as JSON.

const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };

export const json = (body: unknown, status = 200, more: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), { status, headers: { ...headers, ...more } });

/** JSON of what is still to come, whose head is there at once. Where that fails the body breaks off; `cancel` is called where it is left. */
export function jsonLater(coming: Promise<unknown>, cancel: () => void): Response {
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      controller.enqueue(new TextEncoder().encode(JSON.stringify(await coming)));
      controller.close();
    },
    cancel,
  });
  return new Response(body, { headers });
}
