// @ts-check
/** Formats of numbers, times and states for people. */

/**
 * Format seconds as 1:02 or 1:02:03.
 * @param {number} seconds
 */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = String(rest).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

/**
 * Format a duration as 0.4 s, 12 s, 3 min 05 s, 2 h 05 min or 3 days.
 * @param {number} seconds
 */
export function duration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole >= 2 * 86400) return `${Math.round(whole / 86400)} days`;
  if (whole >= 3600) return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}

/**
 * Format bytes as 512 B, 3.4 MB, … (decimal units).
 * @param {number} bytes
 */
export function size(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit && value < 99.5 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/**
 * Format a time as "3 minutes ago", or as a date after a week.
 * @param {string} iso
 */
export function ago(iso) {
  const seconds = (Date.now() - Date.parse(iso)) / 1000;
  const format = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  if (seconds < 45) return "just now";
  if (seconds < 3600) return format.format(-Math.max(1, Math.round(seconds / 60)), "minute");
  if (seconds < 86400) return format.format(-Math.round(seconds / 3600), "hour");
  if (seconds < 7 * 86400) return format.format(-Math.round(seconds / 86400), "day");
  return new Date(iso).toLocaleDateString("en", { year: "numeric", month: "short", day: "numeric" });
}

/**
 * Format a time as Nov 29, 2026, 7:40 PM.
 * @param {string} iso
 */
export const moment = (iso) => new Date(iso).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });

/**
 * Format a day as Nov 29, 2026.
 * @param {string} iso
 */
export const date = (iso) => new Date(iso).toLocaleDateString("en", { dateStyle: "medium" });

/**
 * Format an amount of money; one below a cent is shown as such.
 * @param {number} usd
 */
export const dollars = (usd) => (usd > 0 && usd < 0.01 ? "<0.01" : usd.toFixed(2));

/**
 * Format 0.873 as 87%.
 * @param {number} fraction
 */
export const percent = (fraction) => `${Math.round(fraction * 100)}%`;

/**
 * Return the file name without its last extension.
 * @param {string} name
 */
export const title = (name) => name.replace(/(?<=.)\.[^.]{1,5}$/, "");

/**
 * Convert snake_case to words: "hls_master" as "hls master".
 * @param {string} name
 */
export const words = (name) => name.replaceAll("_", " ");

/**
 * Return a hue for a word, always the same.
 * @param {string} word
 */
export function hue(word) {
  let hash = 2166136261;
  for (const char of word) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16777619);
  return (hash >>> 0) % 360;
}

/** @type {Record<Status, string>} */
export const STATUS = {
  processing: "Processing",
  ready: "Ready",
  ready_with_warnings: "Ready, with warnings",
  partial: "Partial",
  failed: "Failed",
  deleted: "Deleted",
};

/** @type {Record<string, string>} */
export const STATE = {
  pending: "Waiting",
  running: "Running",
  succeeded: "Done",
  skipped: "Skipped",
  failed: "Failed",
  superseded: "Replaced",
};
