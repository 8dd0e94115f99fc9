// What stands beside the lines of a plot. No elements.

/** One text for each tick, empty where it would be that of the tick before: whole bytes, say, have no halves. */
export function axisLabels(ticks: readonly number[], format: (value: number, step: number) => string): string[] {
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : 1;
  const texts = ticks.map((tick) => format(tick, step));
  return texts.map((text, i) => (text === texts[i - 1] ? '' : text));
}
