/** Which view is shown: #/?status=…&label=… is the library, #/videos/{id}?t=… one video. */

import { h } from "./dom.js";
import { showLibrary } from "./library.js";
import { showVideo } from "./video.js";

const main = document.querySelector("#main");
let leave = new AbortController();
let shown = null;

function route() {
  if (location.hash === "#main") return; // the skip link, not a view
  const url = new URL(location.hash.slice(1) || "/", location.origin);
  const video = url.pathname.match(/^\/videos\/([^/]+)$/);
  const view = video ? video[0] : "/";
  const options = Object.fromEntries(url.searchParams);
  leave.abort();
  leave = new AbortController();
  const place = h("div.view");
  main.replaceChildren(place);
  if (shown !== null && shown !== view) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
  shown = view;
  if (video) showVideo(place, decodeURIComponent(video[1]), options, leave.signal);
  else showLibrary(place, options, leave.signal);
}

addEventListener("hashchange", route);
route();
