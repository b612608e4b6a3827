// Times, in the zone of the person one acts as.

import { zone } from "./store.js";

const make = (options) => (seconds) =>
  new Intl.DateTimeFormat("en-GB", { timeZone: zone(), ...options }).format(new Date(seconds * 1000));

export const clock = make({ hour: "2-digit", minute: "2-digit" });
export const clockSeconds = make({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
export const full = make({ dateStyle: "full", timeStyle: "medium" });
const dayKey = make({ year: "numeric", month: "2-digit", day: "2-digit" });
const long = make({ weekday: "long", day: "numeric", month: "long" });
const date = make({ day: "numeric", month: "long", year: "numeric" });
const short = make({ day: "numeric", month: "short", year: "numeric" });
const withDay = make({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
const numbers = make({ year: "numeric", month: "2-digit", day: "2-digit" });

export const sameDay = (a, b) => dayKey(a) === dayKey(b);

function pretty(seconds, otherwise) {
  const now = Date.now() / 1000;
  for (const [offset, word] of [[0, "today"], [-86400, "yesterday"], [86400, "tomorrow"]]) {
    if (sameDay(seconds, now + offset)) return word;
  }
  return otherwise(seconds);
}

/** "Today", or a weekday with its date. */
export function dayName(seconds) {
  const said = pretty(seconds, long);
  return said[0].toUpperCase() + said.slice(1);
}

export function ago(seconds) {
  const past = Math.max(0, Date.now() / 1000 - seconds);
  for (const [size, name] of [[86400, "day"], [3600, "hour"], [60, "minute"]]) {
    const count = Math.floor(past / size);
    if (count) return `${count} ${name}${count === 1 ? "" : "s"} ago`;
  }
  return "just now";
}

const TOKENS = {
  date_num: (s) => numbers(s).split("/").reverse().join("-"),
  date: date,
  date_short: short,
  date_long: withDay,
  date_pretty: (s) => pretty(s, date),
  date_short_pretty: (s) => pretty(s, short),
  date_long_pretty: (s) => pretty(s, withDay),
  time: clock,
  time_secs: clockSeconds,
  ago,
};

/** Slack's date tokens: "{date_short_pretty} at {time}". */
export function formatDate(seconds, format) {
  return format.replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(TOKENS, name) ? TOKENS[name](seconds) : whole));
}
