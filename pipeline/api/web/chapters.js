// @ts-check
/** The chapters of a video: a list of titles that seek. */

import { h } from "./dom.js";
import { clock } from "./format.js";
import { rove } from "./roving.js";

/** @param {Player} player */
export function makeChapters(player) {
  const list = h("ol.chapters");
  const node = h("section.panel", { hidden: true, "aria-label": "Chapters" }, h("h2", {}, "Chapters"), list);
  let shown = /** @type {{chapter: Chapter, element: HTMLElement}[]} */ ([]);

  player.watch((time) => {
    for (const { chapter, element } of shown) {
      const now = chapter.start <= time && time < chapter.end;
      if (now) element.setAttribute("aria-current", "true");
      else element.removeAttribute("aria-current");
    }
  });

  return {
    node,
    /** @param {Chapter[]} chapters */
    show(chapters) {
      shown = chapters.map((chapter) => ({
        chapter,
        element: h("button.chapter", { type: "button", click: () => player.seek(chapter.start) }, h("span.muted", {}, clock(chapter.start)), chapter.title),
      }));
      list.replaceChildren(...shown.map(({ element }) => h("li", {}, element)));
      rove(list);
      node.hidden = !chapters.length;
    },
  };
}
