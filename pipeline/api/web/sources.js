// @ts-check
/**
 * Where the player gets its media: hls.js, where scripts may feed a media element, because it lets people
 * choose the quality; else the browser's own HLS; else the MP4 or M4A.
 */

import { preference } from "./preferences.js";

const HLS = "application/vnd.apple.mpegurl";
const CONFIG = {
  enableWorker: false, // a worker of a blob is against the page's policy; CMAF needs no transmuxing
  backBufferLength: 60,
  appendErrorMaxRetry: 1,
  // The page has its own captions.
  subtitleTrackController: undefined,
  subtitleStreamController: undefined,
  timelineController: undefined,
};

/**
 * @typedef {{kind: "hls.js" | "native" | "file", src: string}} Source
 * @typedef {import("./vendor/hls.min.mjs").default} Hls
 */

/**
 * @param {HTMLVideoElement} media
 * @param {() => void} changed called when qualities or sound tracks are others
 * @param {(expired: boolean) => void} failed called when a source cannot be played
 */
export function makeSources(media, changed, failed) {
  let left = /** @type {Source[]} */ ([]);
  let hls = /** @type {Hls | null} */ (null);
  let number = 0; // of the source that is played

  media.addEventListener("error", () => {
    if (!hls && media.getAttribute("src")) failed(false);
  });

  function stop() {
    hls?.destroy();
    hls = null;
  }

  /** Play the next source; return whether there is one. */
  function next() {
    const source = left.shift();
    number += 1;
    stop();
    if (!source) return false;
    if (source.kind === "hls.js") {
      play(source.src, number);
    } else {
      // Chromium's HLS needs CORS for segments of another origin; a plain file does not.
      media.crossOrigin = source.kind === "native" ? "anonymous" : null;
      media.src = source.src;
    }
    changed();
    return true;
  }

  /**
   * @param {string} src
   * @param {number} turn
   */
  async function play(src, turn) {
    const loaded = await import("./vendor/hls.min.mjs").catch(() => null);
    if (turn !== number) return;
    if (!loaded?.default.isSupported()) return failed(false);
    const made = (hls = new loaded.default(CONFIG));
    let recovered = false;
    made.on("hlsError", (_, data) => {
      if (!data.fatal || turn !== number) return;
      if (data.type === "mediaError" && media.currentTime > 0 && !recovered) {
        recovered = true;
        return made.recoverMediaError();
      }
      failed(data.response?.code === 403);
    });
    made.on("hlsManifestParsed", () => {
      const wanted = levelOf(preference("quality", 0));
      if (wanted >= 0) made.startLevel = made.nextLevel = wanted;
      changed();
    });
    for (const event of ["hlsLevelSwitched", "hlsAudioTracksUpdated", "hlsAudioTrackSwitched"]) made.on(event, changed);
    made.loadSource(src);
    made.attachMedia(media);
  }

  /**
   * Return the highest level of at most this height, else the lowest; -1 for 0.
   * @param {number} height
   */
  function levelOf(height) {
    if (!hls || !height) return -1;
    const fitting = hls.levels.map((level, index) => ({ index, height: level.height })).sort((a, b) => a.height - b.height);
    return (fitting.findLast((one) => one.height <= height) ?? fitting[0])?.index ?? -1;
  }

  return {
    next,
    stop,
    /**
     * Play a video by the best way there is.
     * @param {Video} video
     */
    load(video) {
      const files = video.stages.flatMap((stage) => stage.artifacts);
      const file = files.find((one) => one.role === "mp4") ?? files.find((one) => one.role === "m4a");
      left = [];
      if (video.links.playlist) {
        const src = relative(video.links.playlist);
        if ("MediaSource" in window || "ManagedMediaSource" in window) left.push({ kind: "hls.js", src });
        else if (media.canPlayType(HLS)) left.push({ kind: "native", src });
      }
      if (file) left.push({ kind: "file", src: file.url });
      next();
    },
    /** Return the heights to choose from, the best first, and what is played. */
    qualities() {
      const heights = [...new Set(hls?.levels.map((level) => level.height))].filter(Boolean).sort((a, b) => b - a);
      const playing = hls?.levels[hls.currentLevel]?.height ?? 0;
      return { heights, playing, chosen: hls && !hls.autoLevelEnabled ? playing || preference("quality", 0) : 0 };
    },
    /**
     * Play at most this height; 0 lets the player choose.
     * @param {number} height
     */
    choose(height) {
      if (hls) hls.nextLevel = levelOf(height);
      changed();
    },
    /** Return the names of the sound tracks, and the index of the one that is played. */
    sounds() {
      const tracks = hls?.audioTracks ?? [];
      return { names: tracks.map((track) => track.name), playing: hls?.audioTrack ?? 0 };
    },
    /** @param {number} index */
    hear(index) {
      if (hls) hls.audioTrack = index;
    },
  };
}

/**
 * Convert a playlist's absolute path to a relative one, for any mount point.
 * @param {string} path
 */
const relative = (path) => path.slice(path.indexOf("/playlists/") + 1);
