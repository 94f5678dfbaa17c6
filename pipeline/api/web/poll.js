// @ts-check
/** Polling: one request at a time, and none while the page is hidden. */

import { Problem } from "./api.js";
import { h } from "./dom.js";

/**
 * Call `step` until `signal` aborts. It returns the milliseconds to wait, or null to stop; what it
 * throws is shown in `notice` and it is tried again a little later.
 * @param {() => Promise<number | null>} step
 * @param {HTMLElement} notice
 * @param {AbortSignal} signal
 */
export async function poll(step, notice, signal) {
  while (!signal.aborted) {
    let wait = /** @type {number | null} */ (5000);
    try {
      wait = await step();
      notice.replaceChildren();
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Problem)) throw error;
      notice.replaceChildren(h("p.notice.bad", { role: "alert" }, error.message));
      if (error.status >= 400 && error.status < 500) return;
    }
    if (wait === null) return;
    await pause(wait, signal);
  }
}

/**
 * Wait, and then until the page is visible.
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 */
async function pause(milliseconds, signal) {
  await new Promise((done) => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), done(null)), { once: true });
  });
  while (document.hidden && !signal.aborted) {
    await new Promise((done) => {
      document.addEventListener("visibilitychange", done, { once: true, signal });
      signal.addEventListener("abort", done, { once: true });
    });
  }
}
