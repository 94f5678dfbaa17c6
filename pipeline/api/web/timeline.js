// @ts-check
/** The timeline below the player: a strip of pictures or the waveform, lanes, and zoom. */

import { fill, h } from "./dom.js";
import { clock, hue } from "./format.js";
import { makeLane } from "./lanes.js";
import { seenIn } from "./objects.js";
import { drawTile, tileAt } from "./tiles.js";

const STRIP = 12; // pictures in the strip
const PREVIEW = 176; // CSS pixels of the preview's longer side
const STEP = 5; // seconds an arrow key moves
const CLOSEST = 10; // seconds that are shown at the least

/**
 * @param {Player} player
 * @param {AbortSignal} signal
 */
export function makeTimeline(player, signal) {
  const pictures = h("div.strip-pictures");
  const sheet = h("div"); // shows one tile of a sheet
  const picture = h("div.preview-picture", {}, sheet);
  const text = h("span");
  const preview = h("div.preview", { hidden: true }, picture, text);
  const strip = h("div.strip", { role: "slider", tabindex: 0, "aria-label": "Position in the video", "aria-valuemin": 0, "aria-valuenow": 0 }, pictures);
  const head = h("div.playhead");
  const lanes = h("div.lanes", { role: "group", "aria-label": "Lanes" });
  const wide = h("div");
  const pan = h("div.pan", { tabindex: 0, role: "region", "aria-label": "Part of the video", hidden: true }, wide);
  const closer = h("button.plain", { type: "button", "aria-label": "Zoom in", title: "Zoom in", click: () => setZoom(zoom * 2) }, "+");
  const farther = h("button.plain", { type: "button", "aria-label": "Zoom out", title: "Zoom out", click: () => setZoom(zoom / 2) }, "−");
  const zooms = h("span.zooms", { hidden: true }, farther, closer);
  const node = h("div.timeline", { hidden: true, role: "group", "aria-label": "Timeline" }, h("div.strip-row", {}, h("div", {}, zooms), h("div.strip-box", {}, strip, preview)), lanes, h("div.strip-row", {}, h("span"), pan), head);
  let length = 0;
  let zoom = 1;
  let tiles = /** @type {Tile[]} */ ([]);
  let speech = /** @type {[number, number][]} */ ([]);
  let spoken = 0; // transcripts that were shown
  let rows = /** @type {ReturnType<typeof makeLane>[]} */ ([]);
  let cells = /** @type {HTMLElement[]} */ ([]);
  let wave = /** @type {string | null} */ (null); // which waveform is shown
  let video = /** @type {Video | null} */ (null);
  let now = 0;
  let waiting = 0;

  /** Return the part of the video that is shown, in seconds. */
  function part() {
    const span = length / zoom;
    const most = pan.scrollWidth - pan.clientWidth;
    const from = zoom > 1 && most > 0 ? (pan.scrollLeft / most) * (length - span) : 0;
    return { from, span };
  }

  /** @param {number} time that is shown at the left */
  function moveTo(time) {
    const { span } = part();
    pan.scrollLeft = ((pan.scrollWidth - pan.clientWidth) * time) / Math.max(1e-6, length - span);
  }

  /**
   * @param {number} next
   * @param {number} [around] the time that stays where it is
   */
  function setZoom(next, around = now) {
    const before = part();
    zoom = Math.min(most(), Math.max(1, next));
    wide.style.width = `${100 * zoom}%`;
    pan.hidden = zoom === 1;
    closer.disabled = zoom >= most();
    farther.disabled = zoom === 1;
    const inside = around >= before.from && around <= before.from + before.span ? around : before.from + before.span / 2;
    moveTo(inside - ((inside - before.from) / before.span) * (length / zoom));
    draw();
  }

  const most = () => Math.max(1, 2 ** Math.floor(Math.log2(length / CLOSEST)));

  /** @param {MouseEvent} event */
  const timeAt = (event) => {
    const box = strip.getBoundingClientRect();
    const { from, span } = part();
    return Math.min(length, from + Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * span);
  };

  strip.addEventListener("pointerdown", (event) => player.seek(timeAt(event), false), { signal });
  strip.addEventListener("pointermove", (event) => {
    const time = timeAt(event);
    if (event.buttons) player.seek(time, false);
    show(time);
  }, { signal });
  strip.addEventListener("pointerleave", () => (preview.hidden = true), { signal });
  strip.addEventListener("keydown", (event) => {
    /** @type {Record<string, number>} */
    const moves = { ArrowLeft: now - STEP, ArrowRight: now + STEP, Home: 0, End: length };
    if (!(event.key in moves)) return;
    event.preventDefault();
    player.seek(Math.min(length, Math.max(0, moves[event.key])), false);
  }, { signal });
  pan.addEventListener("scroll", ask, { passive: true, signal });
  node.addEventListener("wheel", (event) => {
    if (event.ctrlKey && most() > 1) {
      event.preventDefault();
      setZoom(event.deltaY < 0 ? zoom * 2 : zoom / 2, timeAt(event));
    } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan.scrollLeft += event.deltaX;
  }, { signal });

  lanes.addEventListener("keydown", (event) => {
    const at = rows.findIndex((row) => row.track === event.target);
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (at < 0 || !step) return;
    event.preventDefault();
    const next = rows[Math.min(rows.length - 1, Math.max(0, at + step))].track;
    for (const { track } of rows) track.tabIndex = track === next ? 0 : -1;
    next.focus();
  }, { signal });

  /**
   * Show the picture of `time` above the pointer.
   * @param {number} time
   */
  function show(time) {
    preview.hidden = false;
    text.textContent = clock(time);
    const tile = tileAt(tiles, time);
    picture.hidden = !tile;
    if (tile) drawTile(sheet, tile, PREVIEW / Math.max(tile.w, tile.h), picture);
    const [all, own] = [strip.clientWidth, preview.offsetWidth];
    const { from, span } = part();
    preview.style.left = `${Math.min(all - own, Math.max(0, (all * (time - from)) / span - own / 2))}px`;
  }

  function ask() {
    waiting ||= requestAnimationFrame(draw);
  }

  /** Draw what is shown of the video. */
  function draw() {
    waiting = 0;
    if (signal.aborted || !length) return;
    const { from, span } = part();
    for (const row of rows) row.draw(from, from + span);
    cells.forEach((cell, index) => {
      const tile = tileAt(tiles, from + ((index + 0.5) / cells.length) * span);
      // Cover a cell of any shape: scale by its width or height, crop the rest.
      if (tile && cell.clientWidth) drawTile(/** @type {HTMLElement} */ (cell.firstChild), tile, Math.max(cell.clientWidth / tile.w, cell.clientHeight / tile.h));
    });
    setHead();
  }

  function setHead() {
    const { from, span } = part();
    const at = span ? (now - from) / span : 0;
    head.hidden = at < 0 || at > 1;
    node.style.setProperty("--at", String(at));
  }

  /**
   * Show the waveform of a video that has no pictures.
   * @param {Video} latest
   */
  function drawWaveform(latest) {
    const file = latest.stages.flatMap((stage) => stage.artifacts).find((one) => one.role === "waveform");
    if (!file || file.sha256 === wave) return;
    wave = file.sha256;
    pictures.replaceChildren(h("img.strip-waveform", { src: file.url, alt: "" }));
  }

  function drawLanes() {
    const seen = video ? seenIn(video) : [];
    fill(lanes, [seen, spoken, length], () => {
      rows = seen.map(({ label, intervals }) => makeLane(label, intervals, `oklch(0.68 0.14 ${hue(label)})`, player));
      if (speech.length) rows.unshift(makeLane("speech", speech, "var(--accent)", player));
      if (rows.length) rows[0].track.tabIndex = 0;
      return rows.map((row) => row.node);
    });
    node.hidden = !length || !(rows.length || tiles.length || wave);
    ask();
  }

  player.watch((time) => {
    now = time;
    const { from, span } = part();
    if (zoom > 1 && (time < from || time > from + span)) moveTo(time - span / 10);
    setHead();
    strip.setAttribute("aria-valuenow", String(Math.round(time)));
    strip.setAttribute("aria-valuetext", clock(time));
  });

  const observer = new ResizeObserver(ask);
  observer.observe(node);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", ask, { signal });
  signal.addEventListener("abort", () => observer.disconnect());

  return {
    node,
    /** @param {Video} latest */
    update(latest) {
      video = latest;
      if (length !== (latest.duration_s ?? 0)) {
        length = latest.duration_s ?? 0;
        zooms.hidden = most() < 2;
        setZoom(zoom);
      }
      strip.setAttribute("aria-valuemax", String(Math.round(length)));
      drawWaveform(latest);
      drawLanes();
    },
    /** @param {Tile[]} given pictures of the storyboard */
    pictures(given) {
      tiles = given;
      cells = Array.from({ length: Math.min(STRIP, tiles.length) }, () => h("div.strip-cell", {}, h("div")));
      pictures.replaceChildren(...cells);
      drawLanes();
    },
    /** @param {[number, number][]} intervals in which somebody speaks */
    speech(intervals) {
      speech = intervals;
      spoken += 1;
      drawLanes();
    },
  };
}
