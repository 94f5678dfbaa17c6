// @ts-check
/** Boxes around objects over the picture, with a switch for each label. */

import { Problem, getDetections } from "./api.js";
import { fill, h } from "./dom.js";
import { hue, percent } from "./format.js";
import { seenIn } from "./objects.js";
import { prefer, preference } from "./preferences.js";
import { rove } from "./roving.js";
import { boxesAt, tracksOf } from "./sightings.js";

const SPAN = 30; // seconds of detections that are fetched at once
const MARGIN = 2; // and around them, for the lines across their ends

/**
 * @param {string} id of the video
 * @param {() => void} changed called when they are turned on or off
 * @param {AbortSignal} signal
 */
export function makeBoxes(id, changed, signal) {
  const node = h("div.boxes", { "aria-hidden": "true" });
  const switches = h("div.switches", { role: "group", "aria-label": "Boxes", hidden: true });
  const spans = /** @type {Map<number, ReturnType<typeof tracksOf> | null>} */ (new Map()); // null: on its way
  let on = preference("boxes", true);
  let off = new Set(preference("unboxed", /** @type {string[]} */ ([])));
  let size = /** @type {[number, number] | null} */ (null); // of the picture that the boxes are in
  let result = /** @type {string | null} */ (null);
  let now = 0;

  /** @param {number} span */
  async function fetchSpan(span) {
    if (span < 0 || spans.has(span)) return;
    spans.set(span, null);
    const asked = result;
    try {
      const frames = await getDetections(id, Math.max(0, span * SPAN - MARGIN), (span + 1) * SPAN + MARGIN, signal);
      if (asked !== result) return;
      spans.set(span, tracksOf(frames));
      draw();
    } catch (error) {
      if (!(error instanceof Problem) && !signal.aborted) throw error;
      spans.delete(span); // it is asked for again when the place changes
    }
  }

  function draw() {
    const known = on && size ? spans.get(Math.floor(now / SPAN)) : null;
    const shown = known ? boxesAt(known, now).filter(({ label }) => !off.has(label)) : [];
    while (node.children.length > shown.length) node.lastChild?.remove();
    while (node.children.length < shown.length) node.append(h("div.box", {}, h("span")));
    shown.forEach(({ label, confidence, box: [left, top, right, bottom] }, index) => {
      const [width, height] = /** @type {[number, number]} */ (size);
      const element = /** @type {HTMLElement} */ (node.children[index]);
      element.dataset.label = label;
      element.style.setProperty("--hue", String(hue(label)));
      Object.assign(element.style, {
        left: `${(100 * left) / width}%`,
        top: `${(100 * top) / height}%`,
        width: `${(100 * (right - left)) / width}%`,
        height: `${(100 * (bottom - top)) / height}%`,
      });
      element.classList.toggle("high", top < height * 0.08); // no room for the name above it
      const text = `${label} ${percent(confidence)}`;
      const name = /** @type {HTMLElement} */ (element.firstChild);
      if (name.textContent !== text) name.textContent = text;
    });
  }

  /** @param {string} label */
  function flip(label) {
    off = new Set(off);
    if (!off.delete(label)) off.add(label);
    prefer("unboxed", [...off]);
    for (const one of switches.querySelectorAll("button")) one.setAttribute("aria-pressed", String(on && !off.has(one.dataset.label ?? "")));
    draw();
  }

  return {
    node,
    switches,
    on: () => on,
    toggle() {
      on = !on;
      prefer("boxes", on);
      switches.hidden = !on || !switches.children.length;
      if (on) fetchSpan(Math.floor(now / SPAN));
      draw();
      changed();
    },
    /** @param {number} time */
    watch(time) {
      now = time;
      if (on && result) {
        const span = Math.floor(time / SPAN);
        fetchSpan(span);
        if (time % SPAN > SPAN - 10) fetchSpan(span + 1);
      }
      draw();
    },
    /** @param {Video} video */
    update(video) {
      const file = video.stages.flatMap((stage) => stage.artifacts).find((one) => one.role === "detections_json");
      size = video.width && video.height ? [video.width, video.height] : null;
      const latest = file && size ? (file.sha256 ?? file.name) : null;
      if (latest !== result) {
        result = latest;
        spans.clear();
        if (result && on) fetchSpan(Math.floor(now / SPAN));
      }
      const labels = result ? seenIn(video).map(({ label }) => label) : [];
      fill(switches, labels, () =>
        labels.map((label) =>
          h("button.chip", { type: "button", "data-label": label, "aria-pressed": String(!off.has(label)), title: `Boxes around ${label}`, style: { "--hue": hue(label) }, click: () => flip(label) }, label),
        ),
      );
      rove(switches);
      switches.hidden = !on || !labels.length;
    },
  };
}
