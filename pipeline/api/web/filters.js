// @ts-check
/** The filters of the library. They are in the address, so that they can be shared and Back undoes them. */

import { given } from "./api.js";
import { h } from "./dom.js";
import { STATUS } from "./format.js";
import { language } from "./languages.js";

/** What is in the address, and what the API calls it. */
const NAMES = ["name", "status", "label", "language", "length", "from", "to", "sort"];

/** Lengths to choose from: least and most seconds. */
const LENGTHS = /** @type {Record<string, [string, string | null, string | null]>} */ ({
  short: ["Under 1 minute", null, "60"],
  medium: ["1 to 10 minutes", "60", "600"],
  long: ["10 minutes to 1 hour", "600", "3600"],
  film: ["Over 1 hour", "3600", null],
});
const LANGUAGES = ["en", "de", "fr", "es", "it", "pt", "nl", "pl", "tr", "ru", "uk", "ar", "hi", "ja", "ko", "zh"];
const DAY_MS = 86400000;

/**
 * Return the filters of an address, in one order.
 * @param {Record<string, string>} options
 * @returns {Record<string, string>}
 */
export const chosen = (options) => Object.fromEntries(NAMES.map((name) => [name, options[name] ?? ""]).filter(([, value]) => value));

/**
 * Return the address of the library with filters.
 * @param {Record<string, string>} filters
 */
export function address(filters) {
  const query = given(chosen(filters));
  return query.size ? `#/?${query}` : "#/";
}

/**
 * Return the filters as the API takes them.
 * @param {Record<string, string>} filters
 */
export function asked({ name, status, label, language: spoken, length, from, to, sort }) {
  const [, least, most] = LENGTHS[length] ?? ["", null, null];
  return {
    name: name ?? null,
    status: status in STATUS ? status : null,
    label: label ?? null,
    language: spoken ?? null,
    min_duration_s: least,
    max_duration_s: most,
    uploaded_after: midnight(from, 0),
    uploaded_before: midnight(to, DAY_MS), // the last day counts
    sort: sort === "oldest" ? sort : null,
  };
}

/**
 * Return the beginning of a day here, as a time of the API; null for other text.
 * @param {string | undefined} day
 * @param {number} later milliseconds
 */
function midnight(day, later) {
  const time = Date.parse(`${day}T00:00:00`);
  return Number.isNaN(time) ? null : new Date(time + later).toISOString();
}

/**
 * Return the form of the filters.
 * @param {Record<string, string>} filters
 * @param {HTMLElement} labels to choose from
 */
export function makeFilters(filters, labels) {
  /** @param {Record<string, string>} change */
  const go = (change) => (location.hash = address({ ...filters, ...change }));
  const more = ["language", "length", "from", "to"].filter((name) => filters[name]).length;
  return h(
    "form.filters",
    { role: "search", "aria-label": "Videos", submit: (/** @type {SubmitEvent} */ event) => event.preventDefault() },
    text("name", "Name", "Words of the name", filters, go),
    choice("status", "Status", [["", "Any status"], ...Object.entries(STATUS).filter(([value]) => value !== "deleted")], filters, go),
    text("label", "Shows", "Object label", filters, go, "labels"),
    labels,
    choice("sort", "Sort", [["", "Newest first"], ["oldest", "Oldest first"]], filters, go),
    h(
      "details.more-filters",
      { open: more > 0 },
      h("summary", {}, more ? `More filters (${more})` : "More filters"),
      h(
        "div",
        {},
        choice("language", "Language", [["", "Any language"], ...spoken(filters.language)], filters, go),
        choice("length", "Length", [["", "Any length"], ...Object.entries(LENGTHS).map(([value, [name]]) => [value, name])], filters, go),
        day("from", "Uploaded from", filters, go),
        day("to", "Uploaded until", filters, go),
      ),
    ),
    Object.keys(filters).some((name) => name !== "sort") && h("a.clear", { href: address({ sort: filters.sort ?? "" }) }, "Clear filters"),
  );
}

/** @param {string | undefined} extra a language of the address */
function spoken(extra) {
  const codes = extra && !LANGUAGES.includes(extra) ? [...LANGUAGES, extra] : LANGUAGES;
  return codes.map((code) => [code, language(code) ?? code]).sort((a, b) => a[1].localeCompare(b[1]));
}

/**
 * @param {string} name
 * @param {string} title
 * @param {string[][]} choices
 * @param {Record<string, string>} filters
 * @param {(change: Record<string, string>) => void} go
 */
const choice = (name, title, choices, filters, go) =>
  field(name, title, h("select", { id: name, change: ({ target }) => go({ [name]: target.value }) }, choices.map(([value, shown]) => h("option", { value, selected: value === (filters[name] ?? "") }, shown))));

/**
 * @param {string} name
 * @param {string} title
 * @param {string} placeholder
 * @param {Record<string, string>} filters
 * @param {(change: Record<string, string>) => void} go
 * @param {string} [list] id of a list to choose from
 */
const text = (name, title, placeholder, filters, go, list) =>
  field(name, title, h("input", { id: name, type: "search", placeholder, list, autocomplete: "off", maxlength: 100, value: filters[name] ?? "", change: ({ target }) => go({ [name]: target.value.trim() }) }));

/**
 * @param {string} name
 * @param {string} title
 * @param {Record<string, string>} filters
 * @param {(change: Record<string, string>) => void} go
 */
const day = (name, title, filters, go) => field(name, title, h("input", { id: name, type: "date", value: filters[name] ?? "", change: ({ target }) => go({ [name]: target.value }) }));

/**
 * @param {string} name
 * @param {string} title
 * @param {HTMLElement} input
 */
const field = (name, title, input) => h("label", { for: name }, h("span", {}, title), input);
