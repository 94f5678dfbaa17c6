// @ts-check
/** Keys of the video view, and the list of them. */

import { h } from "./dom.js";
import { prefer, preference } from "./preferences.js";

const KEYS = [
  ["Space or K", "Play or pause"],
  ["J and L", "10 seconds back and forward"],
  ["← and →", "5 seconds back and forward"],
  ["↑ and ↓", "Louder and softer, in full screen"],
  ["Home", "To the beginning"],
  ["C", "Captions on or off"],
  ["B", "Boxes on or off"],
  ["M", "Sound on or off"],
  ["< and >", "Slower and faster"],
  ["F", "Full screen"],
  ["/", "Search the transcript"],
  ["?", "These keys"],
];
const OWN = "input, select, textarea, [contenteditable], dialog";
const PRESSED = "button, a, summary, [role=slider], [role=region][tabindex]";

/** Return the dialog that lists the keys, and turns them off. */
export function makeHelp() {
  const on = h("input", { type: "checkbox", checked: preference("keys", true), change: ({ target }) => prefer("keys", target.checked) });
  const dialog = h(
    "dialog.help",
    { "aria-labelledby": "help-title" },
    h("h2", { id: "help-title" }, "Keyboard shortcuts"),
    h("dl.pairs", {}, KEYS.map(([key, text]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, text)])),
    h("label", {}, on, " Use these keys"),
    h("form", { method: "dialog" }, h("button.primary", {}, "Close")),
  );
  return { dialog, open: () => dialog.open || dialog.showModal() };
}

/**
 * Obey keys that no element has a use for.
 * @param {Record<string, () => unknown>} actions by key, in lower case
 * @param {AbortSignal} signal
 */
export function takeKeys(actions, signal) {
  document.addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || target.closest(OWN)) return;
    const key = event.key.toLowerCase();
    const moves = key === " " || key === "home" || key.startsWith("arrow");
    if (moves && target.closest(PRESSED)) return;
    if (key !== "?" && !preference("keys", true)) return;
    if (!(key in actions) || actions[key]() === false) return;
    event.preventDefault();
  }, { signal });
}
