// Which pages of a layer's set are in which of its frames, the places that there are for them on the GPU. A page is known by a number; the one that was
// used longest ago makes room for the next. Knows no GPU.

export interface Frames {
  /** The frame of a page, which is used now; undefined where it is not there. */
  use(page: number): number | undefined;
  has(page: number): boolean;
  /** A frame for a page that is not there, in place of another if none is free; undefined where all of those are held. */
  take(page: number, isHeld: (page: number) => boolean): number | undefined;
  /** Has no page any more from which `isGone` is true. */
  drop(isGone: (page: number) => boolean): void;
  copyFrom(other: Frames): void;
  /** (page, frame), that used longest ago first. */
  readonly there: ReadonlyMap<number, number>;
}

export function createFrames(count: number): Frames {
  const there = new Map<number, number>(); // in order of use
  const all = Array.from({ length: count }, (_, i) => count - 1 - i);
  let free = [...all];

  const oldest = (isHeld: (page: number) => boolean): number | undefined => {
    for (const page of there.keys()) if (!isHeld(page)) return page;
    return undefined;
  };

  return {
    there,
    has: (page) => there.has(page),
    use(page) {
      const frame = there.get(page);
      if (frame === undefined) return undefined;
      there.delete(page);
      there.set(page, frame);
      return frame;
    },
    take(page, isHeld) {
      let frame = free.pop();
      if (frame === undefined) {
        const old = oldest(isHeld);
        if (old === undefined) return undefined;
        frame = there.get(old)!;
        there.delete(old);
      }
      there.set(page, frame);
      return frame;
    },
    drop(isGone) {
      for (const [page, frame] of [...there]) {
        if (!isGone(page)) continue;
        there.delete(page);
        free.push(frame);
      }
    },
    copyFrom(other) {
      there.clear();
      for (const [page, frame] of other.there) there.set(page, frame);
      const used = new Set(there.values());
      free = all.filter((frame) => !used.has(frame));
    },
  };
}
