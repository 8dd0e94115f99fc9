// When a page of this origin last left a load before its end: what was being measured then has not failed. In localStorage, as nothing else is
// written before a page is gone; a frame that has none notes nothing.
const place = 'windrow-left';

export function noteLeaving(): void {
  try {
    localStorage.setItem(place, String(Date.now()));
  } catch {
    // then it counts as a failure, which is forgotten in time
  }
}

/** By Date.now(); undefined if none has. */
export function leftAt(): number | undefined {
  try {
    return Number(localStorage.getItem(place)) || undefined;
  } catch {
    return undefined;
  }
}
