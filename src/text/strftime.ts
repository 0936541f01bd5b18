// Dates as Python's strftime writes them in the C locale: chat templates put the date into the system prompt.

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const months = 'January February March April May June July August September October November December'.split(' ');

const padded = (value: number, width = 2) => String(value).padStart(width, '0');
const dayOfYear = (date: Date) =>
  Math.round(
    (Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - Date.UTC(date.getFullYear(), 0, 0)) / 864e5,
  );

const directives: Readonly<Record<string, (date: Date) => string>> = {
  '%': () => '%',
  A: (date) => days[date.getDay()],
  B: (date) => months[date.getMonth()],
  F: (date) => `${date.getFullYear()}-${padded(date.getMonth() + 1)}-${padded(date.getDate())}`,
  H: (date) => padded(date.getHours()),
  I: (date) => padded(date.getHours() % 12 || 12),
  M: (date) => padded(date.getMinutes()),
  S: (date) => padded(date.getSeconds()),
  T: (date) => [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => padded(part)).join(':'),
  Y: (date) => String(date.getFullYear()),
  a: (date) => days[date.getDay()].slice(0, 3),
  b: (date) => months[date.getMonth()].slice(0, 3),
  d: (date) => padded(date.getDate()),
  e: (date) => String(date.getDate()).padStart(2, ' '),
  j: (date) => padded(dayOfYear(date), 3),
  m: (date) => padded(date.getMonth() + 1),
  p: (date) => (date.getHours() < 12 ? 'AM' : 'PM'),
  y: (date) => padded(date.getFullYear() % 100),
};

/** `date` in local time by a format such as `%d %B %Y` (`%-d` without the zero); unknown directives stay as they are. */
export function strftime(date: Date, format: string): string {
  return format.replace(/%(-?)([%A-Za-z])/g, (found, bare: string, key: string) => {
    const written = Object.hasOwn(directives, key) ? directives[key](date) : undefined;
    if (written === undefined) return found;
    return bare ? written.replace(/^[0 ]+(?=.)/, '') : written;
  });
}
