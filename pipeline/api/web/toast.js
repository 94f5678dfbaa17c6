// @ts-check
/** Messages, each until it is closed; one with an action stays over a change of the view. */

import { h } from "./dom.js";

const list = h("div.toasts", { role: "status", "aria-live": "polite" });

/**
 * Show a message.
 * @param {Child} text
 * @param {{label: string, run: () => unknown} | null} [action]
 */
export function toast(text, action = null) {
  if (!list.isConnected) document.body.append(list);
  const node = h("div.toast", {}, h("p", {}, text));
  const close = () => node.remove();
  node.append(
    h(
      "div.toast-buttons",
      {},
      action && h("button.primary", { type: "button", click: () => (close(), action.run()) }, action.label),
      h("button.plain", { type: "button", "aria-label": "Close the message", click: close }, "✕"),
    ),
  );
  list.replaceChildren(node); // one at a time
  if (!action) addEventListener("hashchange", close, { once: true });
}

/** Remove the message that is shown. */
export const clearToast = () => list.replaceChildren();
