// Has Comlink carry the code of an error out of a worker, where it would keep name, message and stack alone. Nothing else.
import { transferHandlers } from 'comlink';

interface Thrown {
  value: unknown;
}

/** To be called in the worker; the page's side takes the code as it takes the other fields. */
export function transferErrorCodes(): void {
  const thrown = transferHandlers.get('throw')!;
  transferHandlers.set('throw', {
    ...thrown,
    serialize(from: Thrown) {
      const [sent, transferred] = thrown.serialize(from) as [Thrown, Transferable[]];
      if (from.value instanceof Error) Object.assign(sent.value as object, { code: (from.value as { code?: unknown }).code });
      return [sent, transferred];
    },
  });
}
