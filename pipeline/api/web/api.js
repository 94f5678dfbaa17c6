// @ts-check
/** A client of the query API. Addresses are relative, so that any mount point works. */

import { credentials, signOut } from "./session.js";

/** An error of the API, with a message for people. */
export class Problem extends Error {
  /**
   * @param {number} status of HTTP; 0 without an answer
   * @param {string} detail
   */
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** What a gateway before the API says without details. @type {Record<number, string>} */
const SHORT = {
  403: "Your token does not permit this. Ask the operator of this library for one that does.",
  429: "There are too many requests at the moment. Try again in a few seconds.",
};

/**
 * Send a request to the API. A 401 also dispatches the event "unauthorized" on the window.
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @param {string} [method]
 * @param {unknown} [body] sent as JSON
 * @param {Record<string, string>} [more] further headers
 */
export async function ask(path, signal, method = "GET", body = undefined, more = {}) {
  const headers = { ...credentials(), ...more, ...(body !== undefined && { "Content-Type": "application/json" }) };
  let response;
  try {
    response = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (error instanceof Error && error.name === "AbortError") throw error;
    throw new Problem(0, "The server cannot be reached. Is it still running?");
  }
  if (response.status === 401) {
    signOut();
    dispatchEvent(new CustomEvent("unauthorized", { detail: { rejected: "Authorization" in headers } }));
  }
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw new Problem(response.status, problem.detail ?? SHORT[response.status] ?? `The server answered with status ${response.status}.`);
  }
  return response;
}

/**
 * Return the JSON of a response, with paths of files as any prefix of a proxy needs them.
 * @param {Response} response
 */
const parsed = async (response) =>
  JSON.parse(await response.text(), (_, value) => (typeof value === "string" && value.startsWith("/files/") ? value.slice(1) : value));

/**
 * @param {Record<string, string | null>} filter those with a value are sent
 * @param {AbortSignal} signal
 * @returns {Promise<{videos: Card[], next_cursor: string | null, total: number | null}>}
 */
export async function listVideos(filter, signal) {
  const query = given(filter);
  return parsed(await ask(`videos?${query}`, signal));
}

/**
 * Search in all videos.
 * @param {URLSearchParams} query as in the page's address
 * @param {string | null} cursor
 * @param {AbortSignal} signal
 * @returns {Promise<MomentPage>}
 */
export async function searchMoments(query, cursor, signal) {
  const asked = new URLSearchParams(query);
  if (cursor) asked.set("cursor", cursor);
  return parsed(await ask(`search?${asked}`, signal));
}

/**
 * A query of those parameters that have a value.
 * @param {Record<string, string | null | undefined>} parameters
 */
export const given = (parameters) =>
  new URLSearchParams(/** @type {[string, string][]} */ (Object.entries(parameters).filter(([, value]) => value)));

/** @type {(id: string, signal: AbortSignal) => Promise<Video>} */
export const getVideo = async (id, signal) =>
  parsed(await ask(`videos/${encodeURIComponent(id)}`, signal));

/** @type {(id: string, signal: AbortSignal) => Promise<Transcript>} */
export const getTranscript = async (id, signal) =>
  (await ask(`videos/${encodeURIComponent(id)}/transcript`, signal)).json();

/**
 * Return the captions as a file: a request by the track element would have no token.
 * @type {(id: string, signal: AbortSignal) => Promise<Blob>}
 */
export const getCaptions = async (id, signal) =>
  (await ask(`videos/${encodeURIComponent(id)}/transcript.vtt`, signal)).blob();

/**
 * Return captions that were uploaded beside the video.
 * @type {(id: string, name: string, signal: AbortSignal) => Promise<Blob>}
 */
export const getUploadedCaptions = async (id, name, signal) =>
  (await ask(`videos/${encodeURIComponent(id)}/captions/${encodeURIComponent(name)}`, signal)).blob();

/**
 * Return the subtitles of the file, each with its WebVTT.
 * @param {string} id
 * @param {AbortSignal} signal
 * @returns {Promise<Subtitles[]>}
 */
export async function getSubtitles(id, signal) {
  const base = `videos/${encodeURIComponent(id)}/subtitles`;
  const { subtitles } = await (await ask(base, signal)).json();
  return Promise.all(
    subtitles.map(async (/** @type {Subtitles} */ one) => ({ ...one, vtt: await (await ask(`${base}/${one.number}.vtt`, signal)).blob() })),
  );
}

/**
 * Return the frames with objects from `start` to `end`, in seconds.
 * @param {string} id
 * @param {number} start
 * @param {number} end
 * @param {AbortSignal} signal
 * @returns {Promise<DetectedFrame[]>}
 */
export async function getDetections(id, start, end, signal) {
  const found = [];
  let cursor = null;
  do {
    const query = given({ start: String(start), end: String(end), limit: "1000", cursor });
    const page = await (await ask(`videos/${encodeURIComponent(id)}/detections?${query}`, signal)).json();
    found.push(...page.frames);
    cursor = page.next_cursor;
  } while (cursor);
  return found;
}

/** @type {(id: string, signal: AbortSignal) => Promise<Chapter[]>} */
export const getChapters = async (id, signal) =>
  (await (await ask(`videos/${encodeURIComponent(id)}/chapters`, signal)).json()).chapters;

/**
 * Return the provider of tokens, or null without one. The route needs no token.
 * @type {(signal?: AbortSignal) => Promise<Provider | null>}
 */
export const getProvider = (signal) =>
  fetch("sign-in", { signal })
    .then((response) => (response.ok ? response.json() : null))
    .catch(() => null);

/** @type {(file: NewUpload, signal: AbortSignal) => Promise<UploadView>} */
export const beginUpload = async (file, signal) => parsed(await ask("uploads", signal, "POST", file));

/** @type {(id: string, signal: AbortSignal) => Promise<UploadView>} */
export const getUpload = async (id, signal) => parsed(await ask(`uploads/${id}`, signal));

/** @type {(id: string, signal: AbortSignal) => Promise<UploadView>} */
export const completeUpload = async (id, signal) => parsed(await ask(`uploads/${id}/complete`, signal, "POST"));

/** @type {(id: string) => Promise<unknown>} */
export const cancelUpload = (id) => ask(`uploads/${id}`, undefined, "DELETE");

/**
 * Send bytes to a signed address, which takes no token. Only XMLHttpRequest tells how far it is.
 * @param {string} url
 * @param {Blob} body
 * @param {AbortSignal} signal
 * @param {(sent: number) => void} report
 * @returns {Promise<void>}
 */
export function put(url, body, signal, report) {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    signal.addEventListener("abort", stop, { once: true });
    request.upload.addEventListener("progress", ({ loaded }) => report(loaded));
    request.addEventListener("loadend", () => {
      signal.removeEventListener("abort", stop);
      if (request.status >= 200 && request.status < 300) done();
      else fail(new Problem(request.status, request.status ? `The file store answered with status ${request.status}.` : "The file store cannot be reached, or the file cannot be read any more."));
    });
    request.open("PUT", url);
    request.send(body);
  });
}

/**
 * Open the stream of events.
 * @param {string[]} videos whose progress is sent, too
 * @param {string | null} last id of the last event received
 * @param {AbortSignal} signal
 * @returns {Promise<ReadableStream<Uint8Array<ArrayBuffer>>>}
 */
export async function openEvents(videos, last, signal) {
  const query = new URLSearchParams(videos.map((id) => ["video", id]));
  const { body } = await ask(`events?${query}`, signal, "GET", undefined, last === null ? {} : { "Last-Event-ID": last });
  if (!body) throw new Problem(0, "This browser cannot read a stream.");
  return body;
}

/** @type {(signal: AbortSignal) => Promise<{drop: string | null}>} */
export const getHealth = async (signal) => (await ask("health", signal)).json();

/**
 * Return the pictures of a storyboard: [{start, end, url, x, y, w, h}].
 * @param {string} id
 * @param {AbortSignal} signal
 * @returns {Promise<Tile[]>}
 */
export async function getStoryboard(id, signal) {
  const response = await ask(`videos/${encodeURIComponent(id)}/storyboard.vtt`, signal);
  const text = await response.text();
  const cue = /^(\S+) --> (\S+).*\n(.+)#xywh=(\d+),(\d+),(\d+),(\d+)$/gm;
  return [...text.matchAll(cue)].map(([, start, end, url, ...rectangle]) => {
    const [x, y, w, h] = rectangle.map(Number);
    return { start: seconds(start), end: seconds(end), url: new URL(url, response.url).href, x, y, w, h };
  });
}

/**
 * Convert WebVTT's [hh:]mm:ss.ttt to seconds.
 * @param {string} time
 */
const seconds = (time) => time.split(":").reduce((total, part) => total * 60 + Number(part), 0);
