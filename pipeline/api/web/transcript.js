// @ts-check
/** The transcript: search, seek by a click on a word, highlight the current word. Only what is in view is drawn. */

import { fill, h } from "./dom.js";
import { clock } from "./format.js";
import { language } from "./languages.js";
import { makeSpeech } from "./speech.js";
import { makeWindowed } from "./windowed.js";

const LINE = 24; // CSS pixels
const LINE_LENGTH = 36; // characters

/**
 * @param {Player} player
 * @param {AbortSignal} signal
 */
export function makeTranscript(player, signal) {
  const search = h("input", { type: "search", placeholder: "Search the transcript", "aria-label": "Search the transcript", autocomplete: "off", enterkeyhint: "search" });
  const count = h("span.muted", { role: "status" });
  const content = h("div.rows", { role: "list" });
  const list = h("div.segments", { tabindex: 0, role: "region", "aria-label": "Transcript text" }, content);
  const about = h("div");
  const tools = h("div.transcript-tools", { hidden: true }, search, count);
  const node = h("section.transcript.panel", { "aria-label": "Transcript" }, h("h2", {}, "Transcript"), tools, about, list);
  let speech = makeSpeech([]);
  let rows = /** @type {number[]} */ ([]); // segments that are listed
  let places = new Map(/** @type {[number, number][]} */ ([])); // rows by segment
  let hits = /** @type {import("./speech.js").Hit[]} */ ([]);
  let hit = -1; // the one that Enter went to
  let current = -1; // the word that is said
  let stop = 0; // the row with the tab stop
  let shown = false;
  let built = new Map(/** @type {[number, HTMLElement][]} */ ([])); // elements by segment

  const windowed = makeWindowed({
    content,
    scroller: list,
    signal,
    build: (row) => element(row),
    estimate: (row) => 10 + LINE * Math.ceil(speech.length(rows[row]) / LINE_LENGTH),
    drawn: () => {
      const kept = new Set(content.children);
      for (const [segment, one] of built) if (!kept.has(one)) built.delete(segment);
      const buttons = [...content.querySelectorAll("button")];
      if (!buttons.some((one) => Number(one.dataset.row) === stop)) stop = Number(buttons[0]?.dataset.row ?? 0);
      for (const one of buttons) one.tabIndex = Number(one.dataset.row) === stop ? 0 : -1;
      mark();
    },
  });

  /** @param {number} row */
  function element(row) {
    const segment = rows[row];
    const known = built.get(segment);
    if (known) return known;
    const { start } = speech.segments[segment];
    const words = speech.wordsOf(segment).map(({ text, probability, index }, at) => [
      // The space before a word is not part of what is highlighted.
      at > 0 && text.startsWith(" ") ? " " : "",
      h(`span.word${probability < 0.5 ? ".unsure" : ""}`, { "data-word": index }, text.trim()),
    ]);
    const made = h(
      "div.segment",
      { role: "listitem", "aria-posinset": row + 1, "aria-setsize": rows.length },
      h("button.time", { type: "button", "data-row": row, "data-start": start, "aria-label": `Play from ${clock(start)}` }, clock(start)),
      h("span", {}, words),
    );
    built.set(segment, made);
    return made;
  }

  /** Mark the words in the document that are said now, or searched. */
  function mark() {
    const found = new Set(hits.flatMap((one) => (built.has(one.segment) ? one.words : [])));
    for (const one of /** @type {NodeListOf<HTMLElement>} */ (content.querySelectorAll(".word"))) {
      const index = Number(one.dataset.word);
      one.classList.toggle("hit", found.has(index));
      one.classList.toggle("now", index === current);
    }
  }

  /** @param {number[]} segments to list */
  function fillRows(segments) {
    rows = segments;
    places = new Map(segments.map((segment, row) => [segment, row]));
    built = new Map();
    content.replaceChildren();
    windowed.show(rows.length);
  }

  /** @param {number} word */
  const play = (word) => player.seek(speech.starts[word]);

  list.addEventListener("click", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const word = /** @type {HTMLElement | null} */ (target.closest("[data-word]"));
    const time = /** @type {HTMLElement | null} */ (target.closest("[data-start]"));
    if (word) play(Number(word.dataset.word));
    else if (time) player.seek(Number(time.dataset.start));
  }, { signal });

  list.addEventListener("keydown", (event) => {
    const at = /** @type {HTMLElement} */ (event.target).dataset.row;
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (at === undefined || !step) return;
    event.preventDefault();
    stop = Math.min(rows.length - 1, Math.max(0, Number(at) + step));
    windowed.reveal(stop);
    /** @type {HTMLElement | null} */ (content.querySelector(`[data-row="${stop}"]`))?.focus();
  }, { signal });

  search.addEventListener("input", () => {
    const query = search.value.trim().toLocaleLowerCase();
    hits = query ? speech.find(query) : [];
    hit = -1;
    fillRows(query ? [...new Set(hits.map((one) => one.segment))] : speech.segments.map((_, index) => index));
    list.scrollTop = 0;
    windowed.draw();
    count.textContent = query ? `${hits.length} ${hits.length === 1 ? "match" : "matches"}` : "";
  }, { signal });

  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !hits.length) return;
    event.preventDefault();
    hit = (hit + (event.shiftKey ? -1 : 1) + hits.length) % hits.length;
    windowed.reveal(places.get(hits[hit].segment) ?? 0);
    play(hits[hit].words[0]);
    count.textContent = `${hit + 1} of ${hits.length} ${hits.length === 1 ? "match" : "matches"}`;
  }, { signal });

  player.watch((time) => {
    const word = speech.wordAt(time);
    if (word === current) return;
    current = word;
    const row = word < 0 ? undefined : places.get(speech.owners[word]);
    const busy = list.matches(":hover") || list.contains(document.activeElement);
    if (row !== undefined && list.offsetParent && !busy) windowed.reveal(row);
    mark();
  });

  return {
    node,
    find: () => tools.hidden ? false : search.focus(),
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
    /**
     * Show a transcript; return the times in which somebody speaks.
     * @param {Transcript} transcript
     */
    show(transcript) {
      shown = true;
      speech = makeSpeech(transcript.segments);
      fillRows(transcript.segments.map((_, index) => index));
      tools.hidden = !rows.length;
      about.replaceChildren(
        rows.length
          ? h("p.muted", {}, [language(transcript.language), transcript.task === "translate" && "translated to English", transcript.model?.name].filter(Boolean).join(" · "))
          : h("p.muted", {}, "There is no speech in this video."),
      );
      return speech.intervals();
    },
  };
}
