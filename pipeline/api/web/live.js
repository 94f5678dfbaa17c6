// @ts-check
/**
 * The events of the installation: one stream, which continues where it ended. It is read by fetch,
 * because EventSource sends no token.
 */

import { openEvents } from "./api.js";
import { pause, visible } from "./poll.js";

const AGAIN = 1000;
const AFTER_FAILURE = 5000;
const TOGETHER = 150; // events of one moment lead to one request
const MOST_WATCHED = 100;

/** @typedef {{type: string, video_id: string}} LiveEvent */

export class Live {
  /** Whether events arrive; if not, the view has to poll. */
  on = false;
  /** Videos that were uploaded, as far as is known, and are not listed yet. */
  arrived = /** @type {Set<string>} */ (new Set());

  #concerns;
  #signal;
  #watched = /** @type {string[]} */ ([]);
  #told = /** @type {Map<string, string>} */ (new Map());
  #last = /** @type {string | null} */ (null);
  #retry = AGAIN;
  #begun = false;
  #changed = false;
  #wake = () => {};
  #cut = new AbortController();

  /**
   * @param {AbortSignal} signal ends the stream
   * @param {(event: LiveEvent) => boolean} concerns tells whether an event matters to the view
   */
  constructor(signal, concerns = () => true) {
    this.#signal = signal;
    this.#concerns = concerns;
    signal.addEventListener("abort", () => this.#cut.abort(), { once: true });
    document.addEventListener("visibilitychange", () => document.hidden && this.#cut.abort(), { signal });
  }

  /** Begin the stream, once. The first request of a view shows whether the API wants a token. */
  start() {
    if (!this.#begun) this.#run();
    this.#begun = true;
  }

  /**
   * Also follow the progress of these videos.
   * @param {string[]} ids
   */
  watch(ids) {
    const wanted = [...new Set(ids)].sort().slice(0, MOST_WATCHED);
    if (wanted.join() === this.#watched.join()) return;
    this.#watched = wanted;
    this.#cut.abort(); // it begins again with these
  }

  /** Wait until something has changed since the last call, or no events arrive any more. */
  async changed() {
    if (!this.#changed) await new Promise((done) => (this.#wake = () => done(null)));
    await pause(TOGETHER, this.#signal);
    this.#changed = false;
  }

  /** Have the view look again, after something that it did itself. */
  look() {
    this.#change();
  }

  #change() {
    this.#changed = true;
    this.#wake();
  }

  async #run() {
    while (!this.#signal.aborted) {
      await visible(this.#signal);
      if (this.#signal.aborted) break;
      this.#cut = new AbortController();
      let wait = this.#retry;
      try {
        await this.#read(await openEvents(this.#watched, this.#last, this.#cut.signal));
      } catch {
        if (this.#cut.signal.aborted) wait = 0;
        else {
          if (this.on) this.#change(); // the view polls from now on
          this.on = false;
          wait = AFTER_FAILURE;
        }
      }
      await pause(wait, this.#signal);
    }
    this.#wake();
  }

  /** @param {ReadableStream<Uint8Array<ArrayBuffer>>} stream */
  async #read(stream) {
    const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const blocks = (text + part.value).split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) this.#take(fields(block));
    }
  }

  /** @param {Map<string, string>} found the fields of one event */
  #take(found) {
    const retry = Number(found.get("retry"));
    if (retry) this.#retry = retry;
    const id = found.get("id");
    if (id !== undefined) {
      if (!this.on) this.#change(); // for what happened before the stream began
      this.#last = id;
      this.on = true;
    }
    const data = found.get("data");
    if (data === undefined) return;
    const type = found.get("event") ?? "";
    const content = JSON.parse(data);
    const video = type === "progress" ? content.video_id : content.data.video_id;
    if (type === "progress") {
      if (this.#told.get(video) === data) return;
      this.#told.set(video, data);
    }
    if (type === "video.uploaded") this.arrived.add(video);
    if (this.#concerns({ type, video_id: video })) this.#change();
  }
}

/**
 * Return the fields of an event by name. Comments have no name.
 * @param {string} block
 */
const fields = (block) => new Map(block.split("\n").map((line) => /** @type {[string, string]} */ (line.split(/: ?(.*)/s, 2))));
