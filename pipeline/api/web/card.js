// @ts-check
/** A video as a card of the library. */

import { bar, fill, h, inline } from "./dom.js";
import { STATUS, ago, clock, hue, size, title } from "./format.js";
import { makeHover } from "./hover.js";

const CHIPS = 4;

/**
 * @param {Card} first
 * @param {AbortSignal} signal
 */
export function makeCard(first, signal) {
  const picture = h("div.card-picture");
  const badges = h("div.card-badges");
  const body = h("div.card-body");
  const hover = makeHover(first.video_id, signal);
  const href = `#/videos/${encodeURIComponent(first.video_id)}`;
  const node = h(
    "li.card",
    {},
    h("a.card-link", { href }, h("div.card-media", {}, picture, hover.node, badges), h("h2", { title: first.name }, title(first.name))),
    body,
  );
  hover.over(node);
  const card = {
    node,
    busy: false,
    /** @param {Card} video */
    update(video) {
      card.busy = video.status === "processing";
      hover.known(video.storyboard);
      // A signed URL changes each time; the picture behind it does not.
      fill(picture, video.poster?.split("?")[0], () =>
        video.poster
          ? h("img", { src: video.poster, alt: "", loading: "lazy", decoding: "async" })
          : h("div.no-picture", { "aria-hidden": "true" }, card.busy ? "" : "No picture"),
      );
      fill(badges, [video.status, video.duration_s], () => [
        video.status !== "ready" && h(`span.badge.${video.status}`, {}, STATUS[video.status]),
        video.duration_s !== null && h("span.badge.length", {}, clock(video.duration_s)),
      ]);
      fill(body, [unsigned(video), ago(video.uploaded_at)], () => cardBody(video));
    },
  };
  return card;
}

/** @param {Card} video */
const unsigned = (video) => (video.poster ? { ...video, poster: null } : video);

/** @param {Card} video */
function cardBody(video) {
  const facts = [ago(video.uploaded_at), size(video.bytes), video.width && `${video.width}×${video.height}`];
  const failed = video.stages.find((stage) => stage.state === "failed" && stage.error && !stage.stands_since);
  return [
    h("p.facts", {}, facts.filter(Boolean).join(" · ")),
    video.status === "processing" &&
      h(
        "ul.mini-stages",
        {},
        video.stages.map((stage) =>
          h(`li.${stage.state}`, {}, h("span", {}, stage.stage), bar(stage.progress, `${stage.stage} of ${video.name}`)),
        ),
      ),
    failed?.error && h("p.reason", {}, inline(failed.error.message)),
    video.labels.length > 0 &&
      h(
        "ul.chips",
        { "aria-label": "Objects" },
        video.labels
          .slice(0, CHIPS)
          .map((label) =>
            h("li", {}, h("a.chip", { href: `#/?${new URLSearchParams({ label })}`, style: { "--hue": hue(label) } }, label)),
          ),
        video.labels.length > CHIPS && h("li.rest", {}, `+${video.labels.length - CHIPS}`),
      ),
  ];
}
