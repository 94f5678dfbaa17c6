// @ts-check
/** The objects in a video: each label's intervals and best confidence, and contact sheets. */

import { fill, h } from "./dom.js";
import { clock, hue, percent } from "./format.js";
import { rove } from "./roving.js";

const SHOWN = 12; // labels, and intervals of each, listed before "more"

/**
 * Return the labels of every stage that reports intervals: [{label, tracks, best_confidence, intervals}].
 * @param {Video} video
 * @returns {Seen[]}
 */
export function seenIn(video) {
  return video.stages
    .flatMap((stage) => Object.entries(stage.summary.labels ?? {}))
    .filter(([, seen]) => Array.isArray(seen?.intervals))
    .map(([label, seen]) => /** @type {Seen} */ ({ label, ...seen }));
}

/** @param {Player} player */
export function makeObjects(player) {
  const node = h("section.panel.objects", { hidden: true, "aria-label": "Objects" });
  return {
    node,
    /** @param {Video} video */
    update(video) {
      const seen = seenIn(video);
      const sheets = video.stages.flatMap((stage) => stage.artifacts).filter((one) => one.role === "contact_sheet");
      node.hidden = !seen.length && !sheets.length;
      fill(node, [seen, sheets.map((sheet) => sheet.sha256)], () => [
        h("h2", {}, "Objects"),
        h("ul.object-list", {}, seen.slice(0, SHOWN).map((one) => card(one, player))),
        seen.length > SHOWN &&
          h("details.more-objects", {}, h("summary", {}, `${seen.length - SHOWN} more labels`), h("ul.object-list", {}, seen.slice(SHOWN).map((one) => card(one, player)))),
        sheets.map((sheet) =>
          h("figure.sheet", {}, h("a", { href: sheet.url }, h("img", { src: sheet.url, alt: "The best frame of each label, with its box drawn in", loading: "lazy" })), h("figcaption.muted", {}, "The best frame of each")),
        ),
      ]);
    },
  };
}

/**
 * @param {Seen} seen
 * @param {Player} player
 */
function card({ label, tracks, best_confidence: confidence, intervals }, player) {
  /** @param {[number, number]} interval */
  const jump = ([start, end]) => {
    const text = end - start < 1 ? clock(start) : `${clock(start)}–${clock(end)}`;
    return h("li", {}, h("button.jump", { type: "button", click: () => player.seek(start), "aria-label": `Play ${label}, ${text}` }, text));
  };
  const rest = intervals.slice(SHOWN);
  return h(
    "li.object",
    { style: { "--hue": hue(label) } },
    h(
      "div.object-head",
      {},
      h("h3", {}, h("a", { href: `#/?${new URLSearchParams({ label })}`, title: `All videos with ${label}` }, label)),
      h("span.muted", {}, [typeof tracks === "number" && `${tracks} seen`, typeof confidence === "number" && `up to ${percent(confidence)} sure`].filter(Boolean).join(" · ")),
    ),
    typeof confidence === "number" && h("div.meter", {}, h("div", { style: { width: percent(confidence) } })),
    rove(h("ul.jumps", {}, intervals.slice(0, SHOWN).map(jump))),
    rest.length > 0 && others(rest, jump),
  );
}

/**
 * Return the other intervals of a label. They are made when they are opened: there may be thousands.
 * @param {[number, number][]} rest
 * @param {(interval: [number, number]) => HTMLElement} jump
 */
function others(rest, jump) {
  const list = h("ul.jumps");
  const open = () => list.children.length || (list.append(...rest.map(jump)), rove(list));
  return h("details", { toggle: open }, h("summary", {}, `${rest.length} more`), list);
}
