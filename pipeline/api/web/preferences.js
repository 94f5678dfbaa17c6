// @ts-check
/** Choices that this browser keeps: speed, quality, captions, boxes. */

const KEY = "videodrop.player";

/** @returns {Record<string, any>} */
function all() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return {};
  }
}

/**
 * Return a choice, or `otherwise` where none was made.
 * @template T
 * @param {string} name
 * @param {T} otherwise
 * @returns {T}
 */
export const preference = (name, otherwise) => all()[name] ?? otherwise;

/**
 * Keep a choice; null forgets it.
 * @param {string} name
 * @param {unknown} value
 */
export function prefer(name, value) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...all(), [name]: value }));
  } catch {
    // Without storage, a choice holds for this view.
  }
}
