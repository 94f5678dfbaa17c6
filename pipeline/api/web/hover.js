// @ts-check
/** Scenes of a video on its card, while the pointer moves over it. */

import { getStoryboard } from "./api.js";
import { h } from "./dom.js";
import { clock } from "./format.js";
import { drawTile } from "./tiles.js";

const known = /** @type {Map<string, Tile[]>} */ (new Map()); // a few, by video
const MOST = 30;
const PATIENCE = 120; // milliseconds that the pointer stays before the pictures are fetched

/**
 * @param {string} id of the video
 * @param {AbortSignal} signal
 */
export function makeHover(id, signal) {
  const sheet = h("div.tile");
  const time = h("span.badge.length");
  const node = h("div.scenes", { hidden: true, "aria-hidden": "true" }, sheet, time);
  let there = false;
  let timer = 0;

  /** @param {number} part from 0 at the left to 1 */
  async function show(part) {
    let tiles = known.get(id);
    if (!tiles) {
      known.set(id, (tiles = []));
      if (known.size > MOST) known.delete(/** @type {string} */ (known.keys().next().value));
      const found = await getStoryboard(id, signal).catch(() => null);
      if (!found) known.delete(id);
      else tiles.push(...found);
    }
    const tile = tiles[Math.min(tiles.length - 1, Math.floor(part * tiles.length))];
    if (!tile || !timer) return;
    node.hidden = false;
    time.textContent = clock(tile.start);
    drawTile(sheet, tile, Math.min(node.clientWidth / tile.w, node.clientHeight / tile.h));
  }

  return {
    node,
    /** @param {boolean} scenes whether the video has any */
    known: (scenes) => (there = scenes),
    /** @param {HTMLElement} card */
    over(card) {
      card.addEventListener("pointermove", (event) => {
        const media = /** @type {HTMLElement} */ (node.parentElement);
        if (!there || event.pointerType === "touch" || !media.contains(/** @type {Node} */ (event.target))) return;
        const box = media.getBoundingClientRect();
        const part = Math.min(0.999, Math.max(0, (event.clientX - box.left) / box.width));
        if (timer) {
          if (!node.hidden) show(part);
        } else timer = setTimeout(() => show(part), PATIENCE);
      });
      card.addEventListener("pointerleave", () => {
        clearTimeout(timer);
        timer = 0;
        node.hidden = true;
      });
    },
  };
}
