// Python's datetime.strftime in the C locale, in local time without a zone, as transformers' strftime_now has it.

const months = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];
const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const dayMs = 86_400_000;

/** Day of the year, from 0. */
const yearDay = (date: Date): number =>
  Math.round((Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - Date.UTC(date.getFullYear(), 0, 1)) / dayMs);

/** Year and week of ISO 8601: the week belongs to the year of its Thursday. */
function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(date.getFullYear(), date.getMonth(), date.getDate() + 4 - (date.getDay() || 7));
  return { year: thursday.getFullYear(), week: Math.floor(yearDay(thursday) / 7) + 1 };
}

const numbers: Readonly<Record<string, (date: Date) => readonly [value: number, width: number, fill?: string]>> = {
  Y: (date) => [date.getFullYear(), 1],
  C: (date) => [Math.floor(date.getFullYear() / 100), 2],
  y: (date) => [date.getFullYear() % 100, 2],
  G: (date) => [isoWeek(date).year, 1],
  g: (date) => [isoWeek(date).year % 100, 2],
  V: (date) => [isoWeek(date).week, 2],
  m: (date) => [date.getMonth() + 1, 2],
  d: (date) => [date.getDate(), 2],
  e: (date) => [date.getDate(), 2, ' '],
  j: (date) => [yearDay(date) + 1, 3],
  U: (date) => [Math.floor((yearDay(date) + 7 - date.getDay()) / 7), 2],
  W: (date) => [Math.floor((yearDay(date) + 7 - ((date.getDay() + 6) % 7)) / 7), 2],
  u: (date) => [date.getDay() || 7, 1],
  w: (date) => [date.getDay(), 1],
  H: (date) => [date.getHours(), 2],
  k: (date) => [date.getHours(), 2, ' '],
  I: (date) => [date.getHours() % 12 || 12, 2],
  l: (date) => [date.getHours() % 12 || 12, 2, ' '],
  M: (date) => [date.getMinutes(), 2],
  S: (date) => [date.getSeconds(), 2],
  s: (date) => [Math.floor(date.getTime() / 1000), 1],
};

const texts: Readonly<Record<string, (date: Date) => string>> = {
  B: (date) => months[date.getMonth()],
  b: (date) => months[date.getMonth()].slice(0, 3),
  h: (date) => months[date.getMonth()].slice(0, 3),
  A: (date) => days[date.getDay()],
  a: (date) => days[date.getDay()].slice(0, 3),
  p: (date) => (date.getHours() < 12 ? 'AM' : 'PM'),
  P: (date) => (date.getHours() < 12 ? 'am' : 'pm'),
  f: (date) => `${String(date.getMilliseconds()).padStart(3, '0')}000`,
  z: () => '',
  Z: () => '',
  n: () => '\n',
  t: () => '\t',
  '%': () => '%',
};

const composed: Readonly<Record<string, string>> = {
  c: '%a %b %e %H:%M:%S %Y', x: '%m/%d/%y', X: '%H:%M:%S', D: '%m/%d/%y', F: '%Y-%m-%d', T: '%H:%M:%S', R: '%H:%M', r: '%I:%M:%S %p',
};

/** Flags are those of glibc: - without padding, _ with spaces, 0 with zeros, ^ and # in another case. Unknown fields stay. */
export function strftime(date: Date, format: string): string {
  return format.replace(/%([-_0^#]*)(\d{0,2})([a-zA-Z%])/g, (whole, flags: string, given: string, field: string) => {
    let text: string;
    const wide = Number(given);
    if (field in numbers) {
      const [value, width, fill = '0'] = numbers[field](date);
      const padding = [...flags].reverse().find((flag) => '-_0'.includes(flag));
      text = padding === '-' ? String(value) : String(value).padStart(Math.max(width, wide), padding === '_' ? ' ' : padding === '0' ? '0' : fill);
    } else if (field in texts) text = texts[field](date).padStart(wide);
    else if (field in composed) text = strftime(date, composed[field]).padStart(wide);
    else return whole;
    return flags.includes('^') ? text.toUpperCase() : flags.includes('#') ? (field === 'p' ? text.toLowerCase() : text.toUpperCase()) : text;
  });
}
