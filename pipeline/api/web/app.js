// @ts-check
/**
 * The routes of the page: #/?status=…&label=… is the library, #/videos/{id}?t=… one video, #/search?q=… moments, #/jobs what runs.
 * The scripts of the other views are fetched when they are shown.
 */

import { Problem } from "./api.js";
import { h } from "./dom.js";
import { showLibrary } from "./library.js";
import { comeBack } from "./provider.js";
import { makeSearchBox } from "./searchbox.js";
import { isSignedIn, signOut, takeToken } from "./session.js";
import { showSignIn } from "./signin.js";
import { takeDrops } from "./dropping.js";
import { addTray } from "./tray.js";

const main = /** @type {HTMLElement} */ (document.querySelector("#main"));
const out = /** @type {HTMLButtonElement} */ (document.querySelector("#sign-out"));
const box = makeSearchBox(/** @type {HTMLFormElement} */ (document.querySelector("form.search")));
let leave = new AbortController();
let shown = /** @type {string | null} */ (null);

const REJECTED = "The API rejected this token. It has expired, or it is for another API.";

/** Close the current view and return the element for the next one. */
function clear() {
  leave.abort();
  leave = new AbortController();
  out.hidden = !isSignedIn();
  const place = h("div.view");
  main.replaceChildren(place);
  return place;
}

function route() {
  takeToken();
  if (location.hash === "#main") return; // the skip link, not a view
  const url = new URL(location.hash.slice(1) || "/", location.origin);
  const video = url.pathname.match(/^\/videos\/([^/]+)$/);
  const found = url.pathname === "/search";
  const jobs = url.pathname === "/jobs";
  const view = video || found || jobs ? url.pathname : "/";
  const options = Object.fromEntries(url.searchParams);
  const place = clear();
  if (shown !== null && shown !== view) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
  shown = view;
  box.show(found ? (url.searchParams.get("q") ?? "") : "");
  const { signal } = leave;
  if (video) show(import("./video.js"), ({ showVideo }) => showVideo(place, decodeURIComponent(video[1]), options, signal));
  else if (jobs) show(import("./jobs.js"), ({ showJobs }) => showJobs(place, signal));
  else if (found) show(import("./search.js"), ({ showSearch }) => showSearch(place, url.searchParams, signal));
  else showLibrary(place, options, signal);

  /**
   * Show a view when its script is there, unless another one is shown by then.
   * @template T
   * @param {Promise<T>} script
   * @param {(script: T) => void} start
   */
  async function show(script, start) {
    const loaded = await script.catch(() => null);
    if (signal.aborted) return;
    if (loaded) start(loaded);
    else place.append(h("p.notice.bad", { role: "alert" }, "A part of this page cannot be loaded. Is the server still running? Reload the page."));
  }
}

/** @param {string | null} wrong */
const askWho = (wrong) => showSignIn(clear(), wrong, route, leave.signal);

history.scrollRestoration = "manual"; // the library keeps its place; a new view begins at the top
addEventListener("hashchange", route);
addEventListener("unauthorized", (event) => {
  const { rejected } = /** @type {CustomEvent<{rejected: boolean}>} */ (event).detail;
  askWho(rejected ? REJECTED : null);
});
out.addEventListener("click", () => (signOut(), route()));
try {
  await comeBack();
  route();
  takeDrops();
  addTray();
} catch (error) {
  if (!(error instanceof Problem)) throw error;
  askWho(error.message);
}
