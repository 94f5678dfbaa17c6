// @ts-check
/** The bar below the picture: play, sound, captions, quality, speed, boxes, full screen. */

import { fill, h } from "./dom.js";
import { clock } from "./format.js";
import { icon } from "./icons.js";
import { prefer, preference } from "./preferences.js";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];

/**
 * @param {HTMLVideoElement} media
 * @param {ReturnType<typeof import("./sources.js").makeSources>} sources
 * @param {ReturnType<typeof import("./captions.js").makeCaptions>} captions
 * @param {{toggle: () => void, on: () => boolean}} boxes
 * @param {{full: () => void, help: () => void, seek: (time: number) => void}} act
 */
export function makeControls(media, sources, captions, boxes, act) {
  const play = button("Play", "play", toggle);
  const sound = button("Mute", "sound", () => (media.muted = !media.muted));
  const volume = h("input.volume", { type: "range", min: 0, max: 1, step: 0.05, "aria-label": "Volume", input: ({ target }) => ((media.muted = false), (media.volume = Number(target.value))) });
  const seek = h("input.seek", { type: "range", min: 0, step: 0.1, "aria-label": "Seek", input: ({ target }) => act.seek(Number(target.value)) });
  const time = h("span.clock", {}, "0:00");
  const subtitles = picker("Captions", (value) => captions.choose(value === "" ? null : value));
  const tracks = picker("Sound track", (value) => sources.hear(Number(value)));
  const quality = picker("Quality", (value) => (prefer("quality", Number(value)), sources.choose(Number(value))));
  const speed = picker("Speed", (value) => setSpeed(Number(value)));
  const frames = button("Boxes", "boxes", () => boxes.toggle());
  const full = button("Full screen", "full", act.full);
  const node = h("div.controls", { role: "group", "aria-label": "Player" }, seek, play, sound, volume, time, h("span.gap"), subtitles, tracks, quality, speed, frames, button("Keyboard shortcuts", "keys", act.help), full);

  function toggle() {
    if (media.paused) media.play().catch(() => {});
    else media.pause();
  }

  /** @param {number} value */
  function setSpeed(value) {
    media.defaultPlaybackRate = media.playbackRate = value;
    prefer("speed", value);
  }

  /** Show the state of the player. */
  function update() {
    const paused = media.paused;
    face(play, paused ? "Play" : "Pause", paused ? "play" : "pause");
    const silent = media.muted || media.volume === 0;
    face(sound, media.muted ? "Unmute" : "Mute", silent ? "silent" : "sound");
    volume.value = String(media.muted ? 0 : media.volume);
    const { all, chosen } = captions.choices();
    offer(subtitles, chosen ?? "", all.length > 0 && [["", "No captions"], ...all.map(({ name, label }) => [name, label])]);
    const { heights, playing, chosen: height } = sources.qualities();
    offer(quality, String(height), heights.length > 1 && [["0", playing && !height ? `Auto (${playing}p)` : "Auto"], ...heights.map((one) => [String(one), `${one}p`])]);
    const { names, playing: heard } = sources.sounds();
    offer(tracks, String(heard), names.length > 1 && names.map((name, index) => [String(index), name]));
    offer(speed, String(media.playbackRate), [...new Set([...SPEEDS, media.playbackRate])].sort((a, b) => a - b).map((one) => [String(one), `${one}×`]));
    frames.setAttribute("aria-pressed", String(boxes.on()));
  }

  /** Show the position. */
  function tick() {
    const length = media.duration || 0;
    time.textContent = `${clock(media.currentTime)} / ${clock(length)}`;
    seek.max = String(length);
    seek.value = String(media.currentTime);
    seek.setAttribute("aria-valuetext", clock(media.currentTime));
  }

  media.volume = preference("volume", 1);
  media.muted = preference("muted", false);
  media.defaultPlaybackRate = media.playbackRate = preference("speed", 1);
  media.addEventListener("volumechange", () => (prefer("volume", media.volume), prefer("muted", media.muted)));
  for (const event of ["play", "pause", "ended", "volumechange", "ratechange", "loadedmetadata"]) media.addEventListener(event, update);
  for (const event of ["timeupdate", "durationchange", "seeking"]) media.addEventListener(event, tick);
  update();
  return { node, update, toggle, setSpeed };
}

/**
 * @param {string} name
 * @param {Parameters<typeof icon>[0]} shape
 * @param {() => unknown} click
 */
const button = (name, shape, click) => h("button.control", { type: "button", "aria-label": name, title: name, click }, icon(shape));

/**
 * Give a button another name and icon.
 * @param {HTMLElement} element
 * @param {string} name
 * @param {Parameters<typeof icon>[0]} shape
 */
function face(element, name, shape) {
  if (element.title === name && element.dataset.shape === shape) return;
  element.title = name;
  element.dataset.shape = shape;
  element.setAttribute("aria-label", name);
  element.replaceChildren(icon(shape));
}

/**
 * @param {string} name
 * @param {(value: string) => void} choose
 */
const picker = (name, choose) => h("select.control", { "aria-label": name, title: name, hidden: true, change: ({ target }) => choose(target.value) });

/**
 * Fill a list of choices; without any it is hidden.
 * @param {HTMLSelectElement} element
 * @param {string} chosen
 * @param {string[][] | false} choices values and texts
 */
function offer(element, chosen, choices) {
  element.hidden = !choices;
  fill(element, choices, () => (choices || []).map(([value, text]) => h("option", { value }, text)));
  element.value = chosen;
}
