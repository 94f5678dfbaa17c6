/** A client of the query API. Addresses are relative, so that any mount point works. */

import { credentials, signOut } from "./session.js";

/** An error of the API, with a message for people. */
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** Send a request to the API. A 401 also dispatches the event "unauthorized" on the window. */
async function ask(path, signal) {
  const headers = credentials();
  let response;
  try {
    response = await fetch(path, { headers, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The server cannot be reached. Is it still running?");
  }
  if (response.status === 401) {
    signOut();
    dispatchEvent(new CustomEvent("unauthorized", { detail: { rejected: "Authorization" in headers } }));
  }
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw new Problem(response.status, problem.detail ?? `The server answered with status ${response.status}.`);
  }
  return response;
}

/** @param {Object} filter status, label, cursor, limit: those with a value are sent */
export async function listVideos(filter, signal) {
  const query = new URLSearchParams(Object.entries(filter).filter(([, value]) => value));
  return (await ask(`videos?${query}`, signal)).json();
}

export const getVideo = async (id, signal) =>
  (await ask(`videos/${encodeURIComponent(id)}`, signal)).json();

export const getTranscript = async (id, signal) =>
  (await ask(`videos/${encodeURIComponent(id)}/transcript`, signal)).json();

/** Return the captions as a file: a request by the track element would have no token. */
export const getCaptions = async (id, signal) =>
  (await ask(`videos/${encodeURIComponent(id)}/transcript.vtt`, signal)).blob();

/** Return the provider of tokens, or null without one. The route needs no token. */
export const getProvider = (signal) =>
  fetch("sign-in", { signal })
    .then((response) => (response.ok ? response.json() : null))
    .catch(() => null);

export const getHealth = async (signal) => (await ask("health", signal)).json();

/** Return the pictures of a storyboard: [{start, end, url, x, y, w, h}]. */
export async function getStoryboard(id, signal) {
  const text = await (await ask(`videos/${encodeURIComponent(id)}/storyboard.vtt`, signal)).text();
  const cue = /^(\S+) --> (\S+).*\n(.+)#xywh=(\d+),(\d+),(\d+),(\d+)$/gm;
  return [...text.matchAll(cue)].map(([, start, end, url, ...rectangle]) => {
    const [x, y, w, h] = rectangle.map(Number);
    return { start: seconds(start), end: seconds(end), url, x, y, w, h };
  });
}

/** Convert WebVTT's [hh:]mm:ss.ttt to seconds. */
const seconds = (time) => time.split(":").reduce((total, part) => total * 60 + Number(part), 0);
