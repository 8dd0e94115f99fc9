// Finds a border among whole numbers by halving.

/** The largest number from `least` to `most` that `holds`, which does up to one and for none behind it; undefined where it does not for `least`. */
export function largestThat(holds: (value: number) => boolean, least: number, most: number): number | undefined {
  if (most < least || !holds(least)) return undefined;
  if (holds(most)) return most;
  let [yes, no] = [least, most];
  while (no - yes > 1) {
    const middle = Math.floor((yes + no) / 2);
    if (holds(middle)) yes = middle;
    else no = middle;
  }
  return yes;
}

/** The same up to `most`, where the smallest ones may not hold either: it is sought from `most` on, its half, its quarter, and so on. */
export function largestUpTo(holds: (value: number) => boolean, most: number): number | undefined {
  for (let least = most; least > 0; least >>= 1) {
    const found = largestThat(holds, least, most);
    if (found !== undefined) return found;
  }
  return undefined;
}
