// @ts-check
/** The captions of the player: which there are, and which one is shown; the choice is remembered. */

import { h } from "./dom.js";
import { prefer, preference } from "./preferences.js";

const OFF = "off";

/**
 * @typedef {{name: string, label: string, language: string | null, first: boolean, element: HTMLTrackElement}} Caption
 */

/**
 * @param {HTMLVideoElement} media
 * @param {() => void} changed called when there are others, or another one is shown
 * @param {AbortSignal} signal
 */
export function makeCaptions(media, changed, signal) {
  let all = /** @type {Caption[]} */ ([]);
  let picked = /** @type {string | null | undefined} */ (undefined); // in this view; undefined: by preference

  /** Return the captions to show. */
  function shown() {
    if (picked !== undefined) return all.find((one) => one.name === picked) ?? null;
    const wanted = /** @type {string} */ (preference("captions", ""));
    if (wanted === OFF) return null;
    return all.find((one) => wanted && one.language === wanted) ?? all.find((one) => one.first) ?? (wanted ? all[0] : null) ?? null;
  }

  function apply() {
    const one = shown();
    for (const { element, name } of all) {
      // Chromium may show a track whose mode was not changed.
      if (name !== one?.name) element.track.mode = "hidden";
      element.track.mode = name === one?.name ? "showing" : "disabled";
    }
    changed();
  }

  /**
   * @param {Blob} file
   */
  function local(file) {
    const src = URL.createObjectURL(file);
    signal.addEventListener("abort", () => URL.revokeObjectURL(src));
    return src;
  }

  /**
   * @param {string} kind
   * @param {string} name
   * @param {Blob} vtt
   * @param {{label: string, language: string | null, shown: boolean}} options
   */
  function add(kind, name, vtt, { label, language, shown: first }) {
    all.find((one) => one.name === name)?.element.remove();
    const element = h("track", { kind, label, srclang: language ?? "und", src: local(vtt) });
    all = [...all.filter((one) => one.name !== name), { name, label, language, first, element }];
    media.append(element);
  }

  /** @param {string | null} name */
  function choose(name) {
    picked = name;
    prefer("captions", name === null ? OFF : (all.find((one) => one.name === name)?.language ?? ""));
    apply();
  }

  return {
    choose,
    /** Return what there is to choose from, and the name of what is shown. */
    choices: () => ({ all: all.map(({ name, label }) => ({ name, label })), chosen: shown()?.name ?? null }),
    /** Show captions, or hide those that are shown. */
    toggle() {
      if (shown()) return choose(null);
      const wanted = all.find((one) => one.first) ?? all[0];
      if (wanted) choose(wanted.name);
    },
    /**
     * Add captions, or replace those of the same name.
     * @param {string} name unique among the captions of the video
     * @param {Blob} vtt
     * @param {{label: string, language: string | null, shown: boolean}} options
     */
    captions(name, vtt, options) {
      add("captions", name, vtt, options);
      apply();
    },
    /**
     * Offer the subtitles of the file, too.
     * @param {Subtitles[]} tracks
     */
    subtitles(tracks) {
      for (const { number, name, language, vtt } of tracks) add("subtitles", `/subtitles/${number}`, vtt, { label: name, language, shown: false });
      apply();
    },
  };
}
