// @ts-check
/** The address follows the place in the video, so that it can be shared and comes back after a reload. */

const EVERY = 5; // seconds of playing

/**
 * @param {HTMLVideoElement} media
 * @param {string} id of the video
 * @param {AbortSignal} signal
 */
export function followPlace(media, id, signal) {
  const path = `#/videos/${encodeURIComponent(id)}`;
  let last = 0;
  const write = () => {
    if (signal.aborted || location.hash.split("?")[0] !== path || !media.readyState) return;
    last = media.currentTime;
    const query = last >= 0.05 ? `?t=${+last.toFixed(1)}` : "";
    if (location.hash !== path + query) history.replaceState(history.state, "", path + query);
  };
  for (const event of ["pause", "seeked"]) media.addEventListener(event, write, { signal });
  media.addEventListener("timeupdate", () => Math.abs(media.currentTime - last) >= EVERY && write(), { signal });
}

let library = "#/";

/** Return the address of the library as it was left. */
export const libraryAddress = () => library;

/** @param {string} address with its filters */
export const leaveLibraryAt = (address) => (library = address);
