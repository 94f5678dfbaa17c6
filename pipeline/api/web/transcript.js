// @ts-check
/** The transcript: search, seek by a click on a word, highlight the current word. */

import { fill, h } from "./dom.js";
import { clock } from "./format.js";

/**
 * @typedef {{text: string, start: number, end: number, element: HTMLElement}} Word
 * @typedef {{element: HTMLElement, words: Word[]}} Segment
 */

/**
 * @param {Player} player
 * @param {AbortSignal} signal
 */
export function makeTranscript(player, signal) {
  const search = h("input", { type: "search", placeholder: "Search the transcript", "aria-label": "Search the transcript", autocomplete: "off" });
  const count = h("span.muted", { role: "status" });
  const list = h("div.segments", { tabindex: 0, role: "region", "aria-label": "Transcript text" });
  const about = h("div");
  const tools = h("div.transcript-tools", { hidden: true }, search, count);
  const node = h("section.transcript.panel", { "aria-label": "Transcript" }, h("h2", {}, "Transcript"), tools, about, list);
  let words = /** @type {Word[]} */ ([]); // every word in order
  let segments = /** @type {Segment[]} */ ([]);
  let current = /** @type {Word | null} */ (null);
  let shown = false;

  list.addEventListener("click", (event) => {
    const hit = /** @type {HTMLElement} */ (event.target).closest("[data-start]");
    const at = /** @type {HTMLElement | null} */ (hit)?.dataset.start;
    if (at !== undefined) player.seek(Number(at));
  }, { signal });

  search.addEventListener("input", () => {
    const query = search.value.trim().toLocaleLowerCase();
    let hits = 0;
    for (const segment of segments) {
      const found = query ? mark(segment, query) : (mark(segment, null), 0);
      hits += found;
      segment.element.hidden = Boolean(query) && !found;
    }
    count.textContent = query ? `${hits} ${hits === 1 ? "match" : "matches"}` : "";
  }, { signal });

  player.watch((time) => {
    const word = wordAt(words, time);
    if (word === current) return;
    current?.element.classList.remove("now");
    current = word;
    if (!word) return;
    word.element.classList.add("now");
    follow(list, word.element);
  });

  return {
    node,
    /**
     * Show why there is no transcript.
     * @param {Video} video
     */
    explain(video) {
      if (shown) return;
      fill(about, [video.status, video.links.transcript, video.stages.map((stage) => stage.error)], () => {
        if (video.links.transcript) return h("p.muted", {}, "Loading…");
        if (video.status === "processing") return h("p.muted", {}, "The transcript appears here when it is ready.");
        return h("p.muted", {}, "This video has no transcript. The table below says why.");
      });
    },
    /** @param {Transcript} transcript */
    show(transcript) {
      shown = true;
      segments = transcript.segments.map((segment) => build(segment));
      words = segments.flatMap((segment) => segment.words);
      list.replaceChildren(...segments.map((segment) => segment.element));
      tools.hidden = !segments.length;
      about.replaceChildren(
        segments.length
          ? h("p.muted", {}, [language(transcript.language), transcript.task === "translate" && "translated to English", transcript.model?.name].filter(Boolean).join(" · "))
          : h("p.muted", {}, "There is no speech in this video."),
      );
    },
  };
}

/**
 * @param {Transcript["segments"][number]} segment
 * @returns {Segment}
 */
function build(segment) {
  const given = segment.words.length ? segment.words : [segment];
  const words = given.map(({ text, start, end, probability }) => ({
    text,
    start,
    end,
    element: h(`span.word${probability < 0.5 ? ".unsure" : ""}`, { "data-start": start }, text.trim()),
  }));
  // The space before a word is not part of what is highlighted.
  const spaced = words.map(({ text, element }, at) => [at && text.startsWith(" ") ? " " : "", element]);
  const element = h(
    "p.segment",
    {},
    h("button.time", { type: "button", "data-start": segment.start, "aria-label": `Play from ${clock(segment.start)}` }, clock(segment.start)),
    h("span", {}, spaced),
  );
  return { element, words };
}

/**
 * Mark the words that match `query`; return the number of matches in the segment.
 * @param {Segment} segment
 * @param {string | null} query
 */
function mark(segment, query) {
  const text = segment.words.map((word) => word.text).join("").toLocaleLowerCase();
  const [places, length] = [/** @type {number[]} */ ([]), query?.length ?? 0];
  for (let at = query ? text.indexOf(query) : -1; query && at >= 0; at = text.indexOf(query, at + length)) places.push(at);
  let from = 0;
  for (const word of segment.words) {
    const to = from + word.text.length;
    word.element.classList.toggle("hit", places.some((at) => at < to && at + length > from));
    from = to;
  }
  return places.length;
}

/**
 * Return the word at `time`, by binary search.
 * @param {Word[]} words
 * @param {number} time
 */
function wordAt(words, time) {
  let [low, high] = [0, words.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (words[middle].start <= time) low = middle + 1;
    else high = middle;
  }
  const word = words[low - 1];
  return word && time < word.end + 0.25 ? word : null;
}

/**
 * Scroll `list` alone so that `element` is in view, unless the pointer is over the list.
 * @param {HTMLElement} list
 * @param {HTMLElement} element
 */
function follow(list, element) {
  if (list.matches(":hover") || !element.offsetParent) return;
  const [outer, inner] = [list.getBoundingClientRect(), element.getBoundingClientRect()];
  if (inner.top >= outer.top && inner.bottom <= outer.bottom) return;
  list.scrollBy({ top: inner.top - outer.top - outer.height / 3 });
}

/**
 * Return the name of a language in English.
 * @param {string | null} code
 */
export function language(code) {
  try {
    return code && new Intl.DisplayNames("en", { type: "language" }).of(code);
  } catch {
    return code;
  }
}
