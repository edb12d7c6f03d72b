/** How times and telephone numbers are written. */

import { boot } from "./page.js";

const pad = (number) => String(number).padStart(2, "0");

/** Return the time that passed between two instants in milliseconds, as 03:12 or 1:03:12. */
export function passed(since, until) {
  const seconds = Math.max(0, Math.floor((until - since) / 1000));
  const hours = Math.floor(seconds / 3600);
  const rest = `${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

/** Return an instant in epoch seconds as the wall clock shows it, with the date unless it is today. */
export function wallClock(instant, now = new Date()) {
  const date = new Date(instant * 1000);
  const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const day = date.toDateString() === now.toDateString() ? {} : { weekday: "short", month: "short", day: "numeric" };
  return new Intl.DateTimeFormat(boot.locale, { ...day, ...time }).format(date);
}

/** Return a telephone number as people read it: mainland mobile numbers in groups, others untouched. */
export function readable(number) {
  return /^1\d{10}$/.test(number) ? number.replace(/(\d{3})(\d{4})(\d{4})/, "$1 $2 $3") : number;
}
