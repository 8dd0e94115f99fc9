// Best-first walks over a graph of vectors: from its entries to those that score best, scoring every vector that an expanded one is linked to.

export interface Links {
  /** (node, most links): nodes; as many as `degrees` says are good. */
  to: Int32Array;
  degrees: Uint8Array;
  most: number;
}

/**
 * What a walk scores: dot(target, vector of the node) - half[node]. With half the square of a vector there the nearest by distance score best, with zeros the
 * largest products.
 */
export interface Scored {
  /** (node, dims) */
  vectors: Float32Array;
  half: Float32Array;
  dims: number;
}

export interface Walk {
  /** In the order in which they were scored; `count` of them, until the next walk. */
  readonly ids: Int32Array;
  readonly scores: Float64Array;
  readonly count: number;
  /** Of a walk with a beam, places of the best in those, in no order. */
  readonly best: Int32Array;
}

interface Limits {
  /** Most nodes that are scored. */
  most: number;
  /** The walk ends where none is left to expand that is among the best so many. Default: all are expanded. */
  beam?: number;
}

export interface Walker {
  walk(links: readonly Links[], scored: Scored, target: ArrayLike<number>, entries: readonly number[], limits: Limits): Walk;
}

/** Of one for so many nodes: a stamp, an id and a score of each, and a key and a place in two heaps. */
export const walkerBytes = (capacity: number): number => (capacity ? (4 + 4 + 8) * capacity + 2 * 12 * (capacity + 1) : 0);

/** `capacity`: of nodes. What it has is used again by each walk. */
export function createWalker(capacity: number): Walker {
  const stamps = new Uint32Array(capacity); // of the walk that a node was last scored in
  const ids = new Int32Array(capacity);
  const scores = new Float64Array(capacity);
  const open = createHeap(capacity); // to be expanded: places in `ids`, the best first
  const best = createHeap(capacity); // of a beam: the worst of the best first, as scores are negated
  let stamp = 0;
  let count = 0;

  function dot({ vectors, half, dims }: Scored, target: ArrayLike<number>, node: number): number {
    let sum = 0;
    for (let d = 0, at = node * dims; d < dims; d++, at++) sum += target[d] * vectors[at];
    return sum - half[node];
  }

  function score(scored: Scored, target: ArrayLike<number>, node: number, beam: number): void {
    if (stamps[node] === stamp) return;
    stamps[node] = stamp;
    const value = dot(scored, target, node);
    ids[count] = node;
    scores[count] = value;
    if (best.size < beam || value > -best.topKey()) {
      open.push(value, count);
      if (Number.isFinite(beam)) best.push(-value, count);
      if (best.size > beam) best.pop();
    }
    count++;
  }

  return {
    walk(links, scored, target, entries, { most, beam = Infinity }) {
      stamp++;
      count = 0;
      open.clear();
      best.clear();
      for (const entry of entries) if (count < most) score(scored, target, entry, beam);
      while (open.size && count < most) {
        if (best.size === beam && open.topKey() < -best.topKey()) break;
        const node = ids[open.pop()];
        for (const { to, degrees, most: each } of links)
          for (let at = node * each, end = at + degrees[node]; at < end && count < most; at++) score(scored, target, to[at], beam);
      }
      return { ids, scores, count, best: best.values() };
    },
  };
}

/** Of numbers by keys, the largest key first. */
function createHeap(capacity: number) {
  const keys = new Float64Array(capacity + 1);
  const values = new Int32Array(capacity + 1);
  let size = 0;

  function swap(a: number, b: number): void {
    const [key, value] = [keys[a], values[a]];
    keys[a] = keys[b];
    values[a] = values[b];
    keys[b] = key;
    values[b] = value;
  }

  return {
    get size() {
      return size;
    },
    topKey: (): number => keys[0],
    values: (): Int32Array => values.subarray(0, size),
    clear: (): void => void (size = 0),
    push(key: number, value: number): void {
      let at = size++;
      keys[at] = key;
      values[at] = value;
      for (let parent = (at - 1) >> 1; at > 0 && keys[parent] < keys[at]; parent = (at - 1) >> 1) {
        swap(at, parent);
        at = parent;
      }
    },
    pop(): number {
      const value = values[0];
      size--;
      keys[0] = keys[size];
      values[0] = values[size];
      for (let at = 0; ;) {
        let child = 2 * at + 1;
        if (child >= size) break;
        if (child + 1 < size && keys[child + 1] > keys[child]) child++;
        if (keys[child] <= keys[at]) break;
        swap(at, child);
        at = child;
      }
      return value;
    },
  };
}
