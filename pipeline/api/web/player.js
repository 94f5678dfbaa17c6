// @ts-check
/**
 * The player: adaptive HLS where the browser supports it, else the MP4 or M4A; captions and seeking. A media
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
  const added = /** @type {Map<string, HTMLTrackElement>} */ (new Map()); // captions by name
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
    const file = find(video, "mp4")[0] ?? find(video, "m4a")[0];
    sources = [];
    // Chromium's HLS needs CORS for segments of another origin; a plain file does not.
    if (video.links.playlist && media.canPlayType(HLS)) {
      sources.push({ src: relative(video.links.playlist), cors: "anonymous" });
    }
    if (file) sources.push({ src: file.url, cors: null });
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

  /**
   * Keep a track in the menu without showing it: Chromium may show any whose mode was not changed.
   * @param {HTMLTrackElement} element
   */
  function offer({ track }) {
    track.mode = "hidden";
    track.mode = "disabled";
  }

  /** @param {Blob} file */
  function local(file) {
    const src = URL.createObjectURL(file);
    signal.addEventListener("abort", () => URL.revokeObjectURL(src));
    return src;
  }

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
      const files = ["hls_master", "mp4", "m4a"].flatMap((role) => find(video, role)).map((one) => one.sha256).join();
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
     * Add captions to the menu, or replace those of the same name.
     * @param {string} name unique among the captions of the video
     * @param {Blob} vtt
     * @param {{label: string, language: string | null, shown: boolean}} options
     */
    captions(name, vtt, { label, language, shown }) {
      added.get(name)?.remove();
      const track = h("track", { kind: "captions", label, srclang: language ?? "en", src: local(vtt), default: shown });
      added.set(name, track);
      media.append(track);
      if (!shown) offer(track);
    },
    /**
     * Offer the subtitles of the file beside the captions.
     * @param {Subtitles[]} tracks
     */
    subtitles(tracks) {
      media.querySelectorAll("track[kind=subtitles]").forEach((track) => track.remove());
      const nodes = tracks.map(({ name, language, vtt }) => h("track", { kind: "subtitles", label: name, srclang: language ?? "und", src: local(vtt) }));
      media.append(...nodes);
      nodes.forEach(offer);
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
  return failed ? "It cannot be played: the message above says why." : "There is nothing to play.";
}
