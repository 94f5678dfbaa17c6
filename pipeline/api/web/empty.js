// @ts-check
/** What the library shows where it has no videos. */

import { h } from "./dom.js";

/**
 * @param {boolean} filtered
 * @param {string | null} drop where to put videos
 */
export function emptyState(filtered, drop) {
  if (filtered) {
    return h("div.empty", {}, h("h2", {}, "Nothing matches"), h("p", {}, "No video fits these filters. ", h("a", { href: "#/" }, "Show all videos")));
  }
  return h(
    "div.empty",
    {},
    h("img", { src: "web/icon.svg", alt: "", width: 72, height: 72 }),
    h("h2", {}, "Drop your first video"),
    h("p", {}, "It becomes playable, with a poster, captions, a searchable transcript and the objects in it."),
    h(
      "dl.ways",
      {},
      h("dt", {}, "On this page"),
      h("dd", {}, "Drop videos or folders anywhere, or use the buttons above."),
      h("dt", {}, "From a terminal"),
      h("dd", {}, h("code", {}, "videodrop add holiday.mp4")),
      h("dt", {}, "With any S3 client"),
      h("dd", {}, h("code", {}, `aws s3 cp holiday.mp4 ${drop ?? "s3://videodrop-uploads/videos/"}`)),
      h("dt", {}, "On this machine"),
      h("dd", {}, "Copy it into the inbox folder that ", h("code", {}, "videodrop up"), " prints."),
    ),
    h("p.muted", {}, "This page updates automatically."),
  );
}
