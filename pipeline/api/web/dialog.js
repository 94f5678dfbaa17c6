// @ts-check
/** A modal dialog: the browser keeps the focus inside, closes it on Escape, and gives the focus back. */

import { h } from "./dom.js";

let count = 0;

/**
 * Open a dialog. It closes with the view that it belongs to.
 * @param {string} title
 * @param {AbortSignal} signal of the view
 */
export function openDialog(title, signal) {
  const id = `dialog-${++count}`;
  const gone = new AbortController();
  const body = h("div.dialog-body");
  const buttons = h("div.dialog-buttons");
  const heading = h("h2", { id, tabindex: -1 }, title);
  const node = h("dialog.dialog", { "aria-labelledby": id });
  const close = () => node.close();
  node.append(
    h("div.dialog-head", {}, heading, h("button.plain", { type: "button", "aria-label": "Close", click: close }, "✕")),
    body,
    buttons,
  );
  node.addEventListener("close", () => (gone.abort(), node.remove()));
  signal.addEventListener("abort", close, { signal: gone.signal });
  document.body.append(node);
  node.showModal();
  heading.focus(); // and not the button that closes it
  return { node, body, buttons, close, signal: gone.signal };
}

/**
 * Return a button.
 * @param {string} text
 * @param {() => unknown} click
 * @param {"button.plain" | "button.primary" | "button.danger"} [kind]
 * @param {string} [about] for those who hear the page
 */
export const button = (text, click, kind = "button.plain", about = undefined) =>
  h(kind, { type: "button", click, ...(about && { "aria-label": `${text} ${about}` }) }, text);

/**
 * Run an action of a button, which is disabled meanwhile; an error is shown in `place`.
 * @param {HTMLElement} place
 * @param {HTMLButtonElement | null} pressed
 * @param {() => Promise<unknown>} action
 */
export async function act(place, pressed, action) {
  if (pressed) pressed.disabled = true;
  try {
    await action();
    place.replaceChildren();
  } catch (error) {
    if (!(error instanceof Error) || error.name === "AbortError") return;
    place.replaceChildren(h("p.notice.bad", { role: "alert" }, error.message));
  } finally {
    if (pressed) pressed.disabled = false;
  }
}
