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
