// @ts-check
/** Refreshing a view: when an event says that something has changed, or from time to time. */

import { Problem } from "./api.js";
import { h } from "./dom.js";

/**
 * Call `step` until `signal` aborts: again after each change where events arrive. Elsewhere `step`
 * returns the milliseconds to wait, or null to stop. What it throws is shown in `notice`, and it is
 * tried again a little later.
 * @param {() => Promise<number | null>} step
 * @param {HTMLElement} notice
 * @param {AbortSignal} signal
 * @param {import("./live.js").Live | null} live null for a view that events do not cover
 */
export async function poll(step, notice, signal, live) {
  while (!signal.aborted) {
    let wait = /** @type {number | null} */ (5000);
    let failed = false;
    try {
      wait = await step();
      notice.replaceChildren();
      live?.start();
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Problem)) throw error;
      failed = true;
      notice.replaceChildren(h("p.notice.bad", { role: "alert" }, error.message));
      if (error.status >= 400 && error.status < 500) return;
    }
    if (live && !failed && (live.on || wait === null)) await live.changed();
    else await Promise.race([pause(wait ?? 5000, signal), live && !failed ? live.changed() : new Promise(() => {})]);
    await visible(signal);
  }
}

/**
 * Wait.
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 */
export function pause(milliseconds, signal) {
  return new Promise((done) => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), done(null)), { once: true });
  });
}

/**
 * Wait until the page is visible.
 * @param {AbortSignal} signal
 */
export async function visible(signal) {
  while (document.hidden && !signal.aborted) {
    await new Promise((done) => {
      document.addEventListener("visibilitychange", done, { once: true, signal });
      signal.addEventListener("abort", done, { once: true });
    });
  }
}
