// @ts-check
/**
 * The player: the picture with boxes over it, the bar of controls, keys, and an address that follows the
 * place. A media element sends no token: its addresses are signed, or the page's own.
 */

import { makeBoxes } from "./boxes.js";
import { makeCaptions } from "./captions.js";
import { makeControls } from "./controls.js";
import { fill, h } from "./dom.js";
import { makeHelp, takeKeys } from "./keys.js";
import { followPlace } from "./place.js";
import { makeSources } from "./sources.js";

const SPEED_STEP = 0.25;
const RENEW_MS = 60000; // signed URLs are renewed at most so often

/**
 * @param {string} id of the video
 * @param {() => Promise<Video>} renew gets the video again, with fresh signed URLs
 * @param {number} start seconds at which to begin
 * @param {AbortSignal} signal
 * @returns {Player}
 */
export function makePlayer(id, renew, start, signal) {
  const media = h("video", { playsinline: true, preload: "metadata", tabindex: -1 });
  const waiting = h("div.player-wait", {}, h("p", {}, "Loading…"));
  const watchers = /** @type {((time: number) => void)[]} */ ([]);
  let current = /** @type {string | null} */ (null); // which files are played, without their signatures
  let renewed = Date.now();

  const changed = () => controls?.update();
  const sources = makeSources(media, changed, failed);
  const captions = makeCaptions(media, changed, signal);
  const boxes = makeBoxes(id, changed, signal);
  const help = makeHelp();
  const controls = makeControls(media, sources, captions, boxes, { full, help: help.open, seek: (time) => seek(time, false) });
  const frame = h("div.frame", {}, media, boxes.node, waiting);
  const node = h("div.player", {}, frame, controls.node, help.dialog);

  /** @param {boolean} expired */
  async function failed(expired) {
    const [at, playing] = [media.currentTime, !media.paused];
    if (expired || !sources.next()) {
      if (Date.now() - renewed < RENEW_MS) return;
      renewed = Date.now();
      const video = await renew().catch(() => null);
      if (!video || signal.aborted) return;
      sources.load(video);
    }
    if (at) seek(at, playing);
  }

  /**
   * @param {number} time
   * @param {boolean} [play] also bring the player into view
   */
  function seek(time, play = true) {
    const to = () => {
      media.currentTime = Math.max(0, Math.min(time, media.duration || time));
      if (play) media.play().catch(() => {});
    };
    if (play) reveal();
    if (media.readyState >= HTMLMediaElement.HAVE_METADATA) to();
    else media.addEventListener("loadedmetadata", to, { once: true, signal });
  }

  function reveal() {
    const box = node.getBoundingClientRect();
    if (box.top >= 0 && box.bottom <= innerHeight) return;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    node.scrollIntoView({ block: box.height > innerHeight ? "start" : "nearest", behavior: still ? "auto" : "smooth" });
  }

  function full() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (node.requestFullscreen) node.requestFullscreen().catch(() => {});
    else /** @type {any} */ (media).webkitEnterFullscreen?.(); // iPhone: only the picture can
  }

  /** @param {number} step */
  const speed = (step) => controls.setSpeed(Math.min(2, Math.max(0.5, media.playbackRate + step)));
  /** @param {number} step */
  const louder = (step) => document.fullscreenElement ? (media.volume = Math.min(1, Math.max(0, media.volume + step))) : false;
  /** @param {number} step */
  const skip = (step) => seek(media.currentTime + step, false);

  takeKeys({
    " ": controls.toggle, k: controls.toggle,
    j: () => skip(-10), l: () => skip(10),
    arrowleft: () => skip(-5), arrowright: () => skip(5),
    arrowup: () => louder(0.1), arrowdown: () => louder(-0.1),
    home: () => seek(0, false),
    c: captions.toggle, b: boxes.toggle, f: full,
    m: () => (media.muted = !media.muted),
    "<": () => speed(-SPEED_STEP), ">": () => speed(SPEED_STEP),
    "?": help.open,
  }, signal);

  media.addEventListener("click", controls.toggle);
  media.addEventListener("dblclick", full);
  for (const event of ["play", "seeking"]) media.addEventListener(event, () => frame.classList.add("started"), { signal });
  let request = 0;
  const tell = () => watchers.forEach((watch) => watch(media.currentTime));
  const run = () => {
    tell();
    request = media.paused || media.ended ? 0 : requestAnimationFrame(run);
  };
  for (const event of ["play", "seeking", "seeked", "timeupdate", "loadedmetadata"]) {
    media.addEventListener(event, () => { if (!request) run(); }, { signal });
  }
  signal.addEventListener("abort", () => {
    cancelAnimationFrame(request);
    sources.stop();
    media.removeAttribute("src");
    media.load();
  });
  watchers.push(boxes.watch);
  followPlace(media, id, signal);
  if (start) seek(start, false);

  return {
    node,
    switches: boxes.switches,
    seek,
    watch: (watch) => watchers.push(watch),
    captions: captions.captions,
    subtitles: captions.subtitles,
    update(video) {
      const files = video.stages.flatMap((stage) => stage.artifacts);
      const playable = ["hls_master", "mp4", "m4a"].flatMap((role) => files.filter((one) => one.role === role)).map((one) => one.sha256).join();
      if (video.width && video.height) node.style.setProperty("--ratio", String(video.width / video.height));
      if (video.playable && playable !== current) {
        current = playable;
        sources.load(video);
      }
      const poster = largest(files.filter((one) => one.role === "poster"));
      if (poster && media.dataset.poster !== poster.sha256) {
        media.dataset.poster = poster.sha256;
        media.poster = poster.url;
      }
      boxes.update(video);
      node.classList.toggle("ready", video.playable);
      fill(waiting, [video.playable, video.status], () => h("p", {}, reason(video)));
    },
  };
}

/**
 * @param {Artifact[]} files
 * @returns {Artifact | undefined}
 */
const largest = (files) => [...files].sort((a, b) => b.bytes - a.bytes)[0];

/** @param {Video} video */
function reason(video) {
  if (video.playable) return "";
  if (video.status === "processing") return "The video can be played after transcoding.";
  const failed = video.stages.find((stage) => stage.error);
  return failed ? "It cannot be played: the message above says why." : "There is nothing to play.";
}
