// @ts-check
/**
 * Uploads in parts, three files at a time. What is not complete is remembered: after a reload it goes
 * on once the same file (name, size, time) is chosen again, and only missing parts are sent.
 */

import { beginUpload, cancelUpload, completeUpload, getUpload, put } from "./api.js";
import { etagOf } from "./etag.js";
import { forget, remember, remembered } from "./remembered.js";

const AT_A_TIME = 3;
const TRIES = 6; // of one part
// Larger files are compared when they have been sent: to read them first would take as long.
const COMPARED = 256 * 2 ** 20;
const CAPTIONS = /\.(srt|vtt)$/i;

/** @type {Transfer[]} */
export const transfers = [];
const watchers = /** @type {(() => void)[]} */ ([]);

/**
 * Call `watcher` after every change.
 * @param {() => void} watcher
 */
export const watch = (watcher) => watchers.push(watcher);

const changed = () => watchers.forEach((watcher) => watcher());

/**
 * Upload files, or go on with those that were begun before.
 * @param {Found[]} found
 */
export function add(found) {
  const fresh = [];
  for (const { file, path } of found) {
    const same = (/** @type {Transfer} */ one) =>
      one.name === file.name && one.size === file.size && one.modified === file.lastModified;
    const begun = transfers.find((one) => one.state === "lost" && same(one));
    if (begun) {
      Object.assign(begun, { file, path, state: "waiting" });
    } else if (!transfers.some((one) => one.path === path && same(one) && isOpen(one))) {
      fresh.push(make({ key: key(), name: file.name, size: file.size, modified: file.lastModified, file, path }));
    }
  }
  transfers.push(...fresh);
  fresh.forEach(remember);
  for (const one of fresh.filter(isCaptions)) one.beside = transfers.find((video) => belongs(one, video)) ?? null;
  pump();
}

/**
 * Stop a transfer until it is resumed. The part at work is sent again then.
 * @param {Transfer} one
 */
export function pause(one) {
  one.state = "paused";
  one.stop?.abort();
  pump();
}

/** @param {Transfer} one */
export function resume(one) {
  one.state = "waiting";
  one.error = null;
  pump();
}

/** @param {Transfer} one */
export function cancel(one) {
  one.state = "cancelled";
  one.stop?.abort();
  transfers.splice(transfers.indexOf(one), 1);
  forget(one);
  if (one.upload_id) cancelUpload(one.upload_id).catch(() => {}); // it expires by itself
  pump();
}

/** Remove the transfers that have ended from the list. */
export function clear() {
  for (const one of transfers.filter((each) => !isOpen(each))) transfers.splice(transfers.indexOf(one), 1);
  changed();
}

/** List what was begun before the page was loaded. */
export async function restore() {
  for (const one of remembered()) {
    const lost = make({ ...one, path: one.name, file: null, state: "lost" });
    transfers.push(lost);
    if (!lost.upload_id) continue;
    getUpload(lost.upload_id, new AbortController().signal)
      .then((view) => (view.state === "completed" ? cancelled(lost) : (lost.sent = bytes(view))))
      .catch((error) => error.status === 404 && cancelled(lost))
      .finally(changed);
  }
  changed();
}

/** @param {Transfer} one */
function cancelled(one) {
  if (one.state !== "lost") return;
  transfers.splice(transfers.indexOf(one), 1);
  forget(one);
}

/** @param {Transfer} one */
export const isOpen = (one) => ["waiting", "sending", "paused", "lost"].includes(one.state);

/** @param {Transfer} one */
const isCaptions = (one) => CAPTIONS.test(one.name);

/**
 * Return whether captions belong to a video: clip.de.srt to clip.mp4 in the same folder.
 * @param {Transfer} captions
 * @param {Transfer} video
 */
function belongs(captions, video) {
  const stem = video.path.replace(/\.[^./]*$/, "");
  return !isCaptions(video) && (captions.path.startsWith(`${stem}.`) || captions.path.startsWith(`${video.path}.`));
}

/**
 * @param {Partial<Transfer>} given
 * @returns {Transfer}
 */
const make = (given) => ({
  key: "",
  name: "",
  path: "",
  size: 0,
  modified: 0,
  file: null,
  state: "waiting",
  sent: 0,
  upload_id: null,
  video_id: null,
  there: false,
  beside: null,
  error: null,
  retryable: true,
  stop: null,
  ...given,
});

/** Return a key that no other upload has. */
const key = () => [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(16)).join("-");

/** Begin waiting transfers while fewer than the most are at work. */
function pump() {
  for (const one of transfers) {
    if (transfers.filter(({ state }) => state === "sending").length >= AT_A_TIME) break;
    if (one.state === "waiting" && !(one.beside && isOpen(one.beside))) run(one);
  }
  changed();
}

/** @param {Transfer} one */
async function run(one) {
  const stop = new AbortController();
  Object.assign(one, { state: "sending", stop });
  try {
    await send(one, stop.signal);
    one.state = "done";
    forget(one);
  } catch (error) {
    if (!stop.signal.aborted) {
      const { status = 0, message } = /** @type {{status?: number, message: string}} */ (error);
      // What the API rejects once it rejects again.
      Object.assign(one, { state: "failed", error: message, retryable: status < 400 || status >= 500 || status === 401 });
    }
  }
  pump();
}

/**
 * @param {Transfer} one
 * @param {AbortSignal} signal
 */
async function send(one, signal) {
  let view = await announced(one, signal);
  one.upload_id = view.upload_id;
  if (view.state === "open") remember(one);
  for (let failures = 0; view.state === "open" && view.parts.length; view = await getUpload(view.upload_id, signal)) {
    one.sent = bytes(view);
    for (const part of view.parts) {
      const before = one.sent;
      try {
        const piece = /** @type {File} */ (one.file).slice(part.start, part.start + part.size);
        await put(part.url, piece, signal, (sent) => ((one.sent = before + sent), changed()));
        failures = 0;
        one.sent = before + part.size;
      } catch (error) {
        one.sent = before;
        failures += 1;
        if (signal.aborted || failures >= TRIES) throw error;
        await later(500 * 2 ** failures, signal);
        break; // ask for fresh addresses
      }
    }
  }
  const done = await completeUpload(view.upload_id, signal);
  Object.assign(one, { video_id: done.video_id, there: done.already_there, sent: one.size });
}

/**
 * Return the upload of a transfer; begin it if it was not, or has expired.
 * @param {Transfer} one
 * @param {AbortSignal} signal
 */
async function announced(one, signal) {
  if (isCaptions(one) && !one.beside?.upload_id) throw new Error("Choose the captions together with their video.");
  if (one.upload_id) {
    try {
      return await getUpload(one.upload_id, signal);
    } catch (error) {
      if (/** @type {{status?: number}} */ (error).status !== 404) throw error;
      one.key = key();
    }
  }
  const beside = one.beside?.upload_id ?? undefined;
  const etag = one.size <= COMPARED && !beside ? await etagOf(/** @type {File} */ (one.file), signal) : undefined;
  return beginUpload({ name: one.name, size: one.size, idempotency_key: one.key, beside, etag }, signal);
}

/**
 * Return the bytes of an upload that have arrived.
 * @param {UploadView} view
 */
const bytes = (view) =>
  view.arrived.reduce((sum, number) => sum + Math.min(view.part_size, view.size - (number - 1) * view.part_size), 0);

/**
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 */
const later = (milliseconds, signal) =>
  new Promise((done, fail) => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), fail(signal.reason)), { once: true });
  });
