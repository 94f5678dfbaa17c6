/** Which view is shown: #/?status=…&label=… is the library, #/videos/{id}?t=… one video. */

import { h } from "./dom.js";
import { showLibrary } from "./library.js";
import { isSignedIn, signOut } from "./session.js";
import { showSignIn } from "./signin.js";
import { showVideo } from "./video.js";

const main = document.querySelector("#main");
const out = document.querySelector("#sign-out");
let leave = new AbortController();
let shown = null;

/** Where the next view goes; the last one is over. */
function clear() {
  leave.abort();
  leave = new AbortController();
  out.hidden = !isSignedIn();
  const place = h("div.view");
  main.replaceChildren(place);
  return place;
}

function route() {
  if (location.hash === "#main") return; // the skip link, not a view
  const url = new URL(location.hash.slice(1) || "/", location.origin);
  const video = url.pathname.match(/^\/videos\/([^/]+)$/);
  const view = video ? video[0] : "/";
  const options = Object.fromEntries(url.searchParams);
  const place = clear();
  if (shown !== null && shown !== view) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
  shown = view;
  if (video) showVideo(place, decodeURIComponent(video[1]), options, leave.signal);
  else showLibrary(place, options, leave.signal);
}

addEventListener("hashchange", route);
addEventListener("unauthorized", ({ detail: { refused } }) => showSignIn(clear(), refused, route));
out.addEventListener("click", () => (signOut(), route()));
route();
