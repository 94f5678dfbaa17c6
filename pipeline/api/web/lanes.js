// @ts-check
/** The lanes of the timeline: when somebody speaks, and when each label is in view. */

import { h } from "./dom.js";
import { clock } from "./format.js";

const FAINTEST = 0.4; // opacity of what is shorter than a pixel
const NEAR = 4; // CSS pixels from an interval that still hit it

/**
 * Make a lane. It is drawn on a canvas: hours have thousands of intervals, and gaps stay gaps.
 * @param {string} name
 * @param {[number, number][]} intervals in order
 * @param {string} colour
 * @param {Player} player
 */
export function makeLane(name, intervals, colour, player) {
  const canvas = h("canvas");
  const track = h("div.lane-track", { role: "slider", tabindex: -1, "aria-label": name, "aria-valuemin": 0, "aria-valuemax": Math.ceil(intervals.at(-1)?.[1] ?? 0), "aria-valuenow": 0 }, canvas);
  const node = h("div.lane", { style: { "--colour": colour } }, h("span.lane-name", { title: name }, name), track);
  let shown = /** @type {[number, number]} */ ([0, 1]); // seconds
  let place = -1; // the interval that the keys went to

  /** @param {number} time */
  const following = (time) => {
    let [low, high] = [0, intervals.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (intervals[middle][1] < time) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  /** @param {number} index */
  function go(index) {
    place = Math.min(intervals.length - 1, Math.max(0, index));
    const [start, end] = intervals[place];
    track.setAttribute("aria-valuenow", String(Math.round(start)));
    track.setAttribute("aria-valuetext", `${clock(start)} to ${clock(end)}, ${place + 1} of ${intervals.length}`);
    player.seek(start);
  }

  /**
   * Return the interval below the pointer, or null.
   * @param {MouseEvent} event
   */
  function under(event) {
    const box = track.getBoundingClientRect();
    const scale = (shown[1] - shown[0]) / box.width;
    const time = shown[0] + (event.clientX - box.left) * scale;
    const index = following(time - NEAR * scale);
    return index < intervals.length && intervals[index][0] <= time + NEAR * scale ? { index, time } : null;
  }

  track.addEventListener("click", (event) => {
    const hit = under(event);
    if (hit) go(hit.index);
  });
  track.addEventListener("pointermove", (event) => {
    const hit = under(event);
    track.style.cursor = hit ? "pointer" : "default";
    const [start, end] = hit ? intervals[hit.index] : [0, 0];
    track.title = hit ? `${name}: ${clock(start)}–${clock(end)}` : "";
  });
  track.addEventListener("keydown", (event) => {
    const moves = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: intervals.length - 1, Enter: place };
    if (!(event.key in moves)) return;
    event.preventDefault();
    go(moves[/** @type {keyof typeof moves} */ (event.key)]);
  });

  return {
    node,
    track,
    /**
     * Draw a part of the video.
     * @param {number} from seconds
     * @param {number} to seconds
     */
    draw(from, to) {
      shown = [from, to];
      const ratio = devicePixelRatio || 1;
      const [width, height] = [Math.round(track.clientWidth * ratio), Math.round(track.clientHeight * ratio)];
      const pen = canvas.getContext("2d");
      if (!width || !height || !pen) return;
      Object.assign(canvas, { width, height });
      pen.fillStyle = getComputedStyle(canvas).color;
      const scale = width / (to - from);
      const covered = new Float32Array(width + 1); // how much of each pixel is within an interval
      for (let index = following(from); index < intervals.length && intervals[index][0] < to; index++) {
        cover(covered, (intervals[index][0] - from) * scale, (intervals[index][1] - from) * scale);
      }
      covered.subarray(0, width).forEach((part, x) => {
        if (!part) return;
        pen.globalAlpha = Math.max(FAINTEST, part);
        pen.fillRect(x, 0, 1, height);
      });
    },
  };
}

/**
 * Add to each pixel the part of it that lies between two places; each interval has a trace.
 * @param {Float32Array} pixels
 * @param {number} start
 * @param {number} end
 */
function cover(pixels, start, end) {
  const [first, last] = [Math.max(0, Math.floor(start)), Math.min(pixels.length - 1, Math.floor(end))];
  for (let x = first; x <= last; x++) {
    pixels[x] = Math.min(1, pixels[x] + Math.max(0.01, Math.min(x + 1, end) - Math.max(x, start)));
  }
}
