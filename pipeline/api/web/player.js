// @ts-check
/**
 * The player: adaptive HLS where the browser supports it, else the MP4; captions and seeking. A media
 * element sends no token: its addresses are signed, or the page's own.
 */

import { fill, h } from "./dom.js";

const HLS = "application/vnd.apple.mpegurl";

/**
 * @param {() => Promise<Video>} renew gets the video again, with fresh signed URLs
 * @param {number} start seconds at which to begin
 * @param {AbortSignal} signal
 * @returns {Player}
 */
export function makePlayer(renew, start, signal) {
  const media = h("video", { controls: true, playsinline: true, preload: "metadata" });
  const waiting = h("div.player-wait", {}, h("p", {}, "Loading…"));
  const node = h("div.player", {}, media, waiting);
  const watchers = /** @type {((time: number) => void)[]} */ ([]);
  let sources = /** @type {{src: string, cors: string | null}[]} */ ([]); // what can still be tried, the best first
  let current = /** @type {string | null} */ (null); // which files these are of, without their signatures
  let renewed = Date.now(); // when signed URLs were last renewed

  /**
   * @param {Video} video
   * @param {string} role
   */
  const find = (video, role) => video.stages.flatMap((stage) => stage.artifacts).filter((one) => one.role === role);

  /** @param {Video} video */
  function load(video) {
    const mp4 = find(video, "mp4")[0];
    sources = [];
    // Chromium's HLS needs CORS for segments of another origin; a plain file does not.
    if (video.links.playlist && media.canPlayType(HLS)) {
      sources.push({ src: relative(video.links.playlist), cors: "anonymous" });
    }
    if (mp4) sources.push({ src: mp4.url, cors: null });
    next();
  }

  function next() {
    const source = sources.shift();
    if (!source) return false;
    media.crossOrigin = source.cors;
    media.src = source.src;
    return true;
  }

  /**
   * @param {number} time
   * @param {boolean} [play]
   */
  function seek(time, play = true) {
    const to = () => {
      media.currentTime = Math.min(time, media.duration || time);
      if (play) media.play().catch(() => {});
    };
    if (media.readyState >= HTMLMediaElement.HAVE_METADATA) to();
    else media.addEventListener("loadedmetadata", to, { once: true, signal });
  }

  media.addEventListener("error", async () => {
    const at = media.currentTime;
    if (!next()) {
      if (Date.now() - renewed < 60000) return;
      renewed = Date.now();
      const video = await renew().catch(() => null); // signed URLs may have expired
      if (!video) return;
      load(video);
    }
    if (at) seek(at, false);
  }, { signal });

  let frame = 0;
  const tell = () => watchers.forEach((watch) => watch(media.currentTime));
  const run = () => {
    tell();
    frame = media.paused || media.ended ? 0 : requestAnimationFrame(run);
  };
  for (const event of ["play", "seeking", "seeked", "timeupdate", "loadedmetadata"]) {
    media.addEventListener(event, () => { if (!frame) run(); }, { signal });
  }
  signal.addEventListener("abort", () => {
    cancelAnimationFrame(frame);
    media.removeAttribute("src");
    media.load();
  });
  if (start) seek(start, false);

  return {
    node,
    seek,
    /**
     * Call `watch(seconds)` when the position changes.
     * @param {(time: number) => void} watch
     */
    watch: (watch) => watchers.push(watch),
    /**
     * Show the current state of `video`.
     * @param {Video} video
     */
    update(video) {
      const files = [...find(video, "hls_master"), ...find(video, "mp4")].map((one) => one.sha256).join();
      if (video.width && video.height) node.style.setProperty("--ratio", `${video.width} / ${video.height}`);
      if (video.playable && files !== current) {
        current = files;
        load(video);
      }
      const poster = largest(find(video, "poster"));
      if (poster && media.dataset.poster !== poster.sha256) {
        media.dataset.poster = poster.sha256;
        media.poster = poster.url;
      }
      node.classList.toggle("ready", video.playable);
      fill(waiting, [video.playable, video.status], () => h("p", {}, reason(video)));
    },
    /**
     * @param {Blob} vtt
     * @param {string | null} language
     */
    captions(vtt, language) {
      const src = URL.createObjectURL(vtt);
      signal.addEventListener("abort", () => URL.revokeObjectURL(src));
      media.querySelector("track")?.remove();
      media.append(h("track", { kind: "captions", label: "Captions", srclang: language ?? "en", src, default: true }));
    },
  };
}

/**
 * Convert a playlist's absolute path to a relative one, for any mount point.
 * @param {string} path
 */
const relative = (path) => path.slice(path.indexOf("/playlists/") + 1);

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
  return failed?.error ? failed.error.message : "There is nothing to play.";
}
