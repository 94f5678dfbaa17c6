// @ts-check
/** The timeline below the player: a strip of pictures or the waveform, and a lane for speech and each label. */

import { fill, h } from "./dom.js";
import { clock, hue } from "./format.js";
import { seenIn } from "./objects.js";

const STRIP = 12; // pictures in the strip
const PREVIEW = 176; // CSS pixels of the preview's longer side
const STEP = 5; // seconds an arrow key moves

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
  const strip = h(
    "div.strip",
    { role: "slider", tabindex: 0, "aria-label": "Position in the video", "aria-valuemin": 0 },
    pictures,
  );
  const head = h("div.playhead");
  const lanes = h("div.lanes");
  const node = h("div.timeline", { hidden: true, role: "group", "aria-label": "Timeline" }, h("div.strip-row", {}, h("span.lane-name"), h("div.strip-box", {}, strip, preview)), lanes, head);
  let length = 0;
  let tiles = /** @type {Tile[]} */ ([]);
  let speech = /** @type {[number, number][]} */ ([]);
  let wave = /** @type {string | null} */ (null); // which waveform is shown
  let video = /** @type {Video | null} */ (null);
  let now = 0;

  /** @param {PointerEvent} event */
  const timeAt = (event) => {
    const box = strip.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * length;
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

  /**
   * Show the picture of `time` above the pointer.
   * @param {number} time
   */
  function show(time) {
    preview.hidden = false;
    text.textContent = clock(time);
    const tile = tileAt(time);
    picture.hidden = !tile;
    if (tile) draw(sheet, tile, PREVIEW / Math.max(tile.w, tile.h), picture);
    const [all, own] = [strip.clientWidth, preview.offsetWidth];
    preview.style.left = `${Math.min(all - own, Math.max(0, (all * time) / length - own / 2))}px`;
  }

  /**
   * @param {number} time
   * @returns {Tile | undefined}
   */
  const tileAt = (time) => tiles.findLast((tile) => tile.start <= time) ?? tiles[0];

  function drawStrip() {
    const count = Math.min(STRIP, tiles.length);
    pictures.replaceChildren(
      ...Array.from({ length: count }, (_, index) => {
        const shown = h("div");
        const cell = h("div.strip-cell", {}, shown);
        const tile = tileAt(((index + 0.5) / count) * length);
        // Cover a cell of any shape: scale by its width or height, crop the rest.
        new ResizeObserver(([{ contentRect: box }]) => {
          if (box.width && tile) draw(shown, tile, Math.max(box.width / tile.w, box.height / tile.h));
        }).observe(cell);
        return cell;
      }),
    );
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

  const seen = () => (video ? seenIn(video) : []);

  function drawLanes() {
    const rows = seen().map(({ label, intervals }) => lane(label, intervals, `oklch(0.68 0.14 ${hue(label)})`));
    if (speech.length) rows.unshift(lane("speech", speech, "var(--accent)"));
    return rows;
  }

  /**
   * @param {string} name
   * @param {[number, number][]} intervals
   * @param {string} colour
   */
  const lane = (name, intervals, colour) =>
    h(
      "div.lane",
      { style: { "--colour": colour } },
      h("span.lane-name", { title: name }, name),
      h(
        "div.lane-track",
        {},
        intervals.map(([start, end]) =>
          h("button", {
            type: "button",
            "aria-label": `${name}, ${clock(start)} to ${clock(end)}`,
            title: `${name}: ${clock(start)}–${clock(end)}`,
            style: { left: `${(100 * start) / length}%`, width: `${(100 * Math.max(0, end - start)) / length}%` },
            click: () => player.seek(start),
          }),
        ),
      ),
    );

  player.watch((time) => {
    now = time;
    node.style.setProperty("--at", String(length ? Math.min(1, time / length) : 0));
    strip.setAttribute("aria-valuenow", String(Math.round(time)));
    strip.setAttribute("aria-valuetext", clock(time));
  });

  const redraw = () => {
    node.hidden = !length;
    if (length) fill(lanes, [seen(), speech, length], drawLanes);
  };

  return {
    node,
    /** @param {Video} latest */
    update(latest) {
      video = latest;
      length = latest.duration_s ?? 0;
      strip.setAttribute("aria-valuemax", String(Math.round(length)));
      drawWaveform(latest);
      redraw();
    },
    /** @param {Tile[]} given pictures of the storyboard */
    pictures(given) {
      tiles = given;
      drawStrip();
    },
    /** @param {Transcript} transcript */
    speech(transcript) {
      speech = transcript.segments.map(({ start, end }) => [start, end]);
      redraw();
    },
  };
}

/**
 * Show a tile of a sprite sheet in `element`, enlarged by `scale`; `frame` gets its size.
 * @param {HTMLElement} element
 * @param {Tile} tile
 * @param {number} scale
 * @param {HTMLElement} [frame]
 */
function draw(element, tile, scale, frame) {
  if (frame) Object.assign(frame.style, { width: `${tile.w * scale}px`, height: `${tile.h * scale}px` });
  Object.assign(element.style, {
    width: `${tile.w}px`,
    height: `${tile.h}px`,
    transform: `scale(${scale})`,
    backgroundImage: `url("${new URL(tile.url).href}")`,
    backgroundPosition: `-${tile.x}px -${tile.y}px`,
  });
}
