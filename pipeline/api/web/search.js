// @ts-check
/** Search: moments in all videos with a picture, the words and their marks. */

import { getStoryboard, searchMoments } from "./api.js";
import { fill, h } from "./dom.js";
import { STATUS, ago, clock, hue, title } from "./format.js";
import { language } from "./languages.js";
import { drawTile, tileAt } from "./tiles.js";

const WITHIN = ["2", "5", "10", "30", "120"];
const SHOWN = 12; // labels to choose from
const EMPTY = 25; // pages without a moment, after which people are asked

/**
 * @param {HTMLElement} place
 * @param {URLSearchParams} query
 * @param {AbortSignal} signal
 */
export function showSearch(place, query, signal) {
  const text = query.get("q") ?? "";
  const labels = query.getAll("label");
  document.title = `${[text, ...labels].filter(Boolean).join(", ") || "Search"} – videodrop`;
  const count = h("p.facts", { role: "status" }, "Searching …");
  const facets = h("div.search-facets");
  const list = h("ol.moments", { "aria-label": "Moments" });
  const empty = h("div");
  const more = h("button.more", { type: "button", hidden: true }, "Show more");
  const videos = /** @type {Set<string>} */ (new Set());
  let next = /** @type {string | null} */ (null);

  async function extend() {
    more.disabled = true;
    const before = list.children.length;
    let pages = 0;
    try {
      do {
        const page = await searchMoments(query, next, signal);
        if (next === null) fill(facets, page.facets, () => choices(query, page.facets));
        if (next === null) count.textContent = counted(page.facets);
        next = page.next_cursor;
        list.append(...page.moments.map((moment) => momentCard(moment, query, !videos.has(moment.video_id) && Boolean(videos.add(moment.video_id)))));
        drawPictures(list, page.moments, signal);
      } while (next && list.children.length === before && ++pages < EMPTY);
      more.hidden = next === null;
      if (!list.children.length && next === null) {
        count.textContent = "";
        empty.replaceChildren(nothing(text, labels));
      }
      if (before) /** @type {HTMLElement | null} */ (list.children[before]?.querySelector("a"))?.focus();
    } catch (error) {
      if (signal.aborted) return;
      count.textContent = "";
      empty.replaceChildren(h("p.notice.bad", { role: "alert" }, /** @type {Error} */ (error).message));
    } finally {
      more.disabled = false;
    }
  }

  more.addEventListener("click", extend);
  place.append(h("div.search-head", {}, h("h1", {}, heading(text, labels)), count), facets, empty, list, more);
  extend();
}

/**
 * @param {string} text
 * @param {string[]} labels
 */
function heading(text, labels) {
  if (!text && !labels.length) return "Search";
  return [text && h("span", {}, text), text && labels.length > 0 && " while ", labels.length > 0 && `${labels.join(" and ")} in view`];
}

/** @param {Facets} facets */
function counted({ moments, videos, complete }) {
  const least = complete ? "" : "at least ";
  return `${least}${moments} ${moments === 1 ? "moment" : "moments"} in ${videos} ${videos === 1 ? "video" : "videos"}`;
}

/**
 * Return an address of this search with a parameter changed.
 * @param {URLSearchParams} query
 * @param {(next: URLSearchParams) => void} change
 */
function changed(query, change) {
  const next = new URLSearchParams(query);
  change(next);
  return `#/search?${next}`;
}

/**
 * @param {URLSearchParams} query
 * @param {Facets} facets
 */
function choices(query, facets) {
  const chosen = query.getAll("label");
  const offered = facets.labels.filter(({ value }) => !chosen.includes(value)).slice(0, SHOWN);
  const spoken = query.get("language");
  return [
    (chosen.length > 0 || offered.length > 0) &&
      h(
        "ul.chips",
        { "aria-label": "Objects in view" },
        chosen.map((value) =>
          h("li", {}, chip(value, true, changed(query, (next) => next.delete("label", value)), `${value} ×`, `${value} ×: remove`)),
        ),
        offered.map(({ value, videos }) =>
          h("li", {}, chip(value, false, changed(query, (next) => next.append("label", value)), `${value} ${videos}`, `${value} ${videos} videos: only while it is in view`)),
        ),
      ),
    (spoken || facets.languages.length > 1) &&
      h(
        "ul.chips",
        { "aria-label": "Languages" },
        spoken
          ? h("li", {}, chip(spoken, true, changed(query, (next) => next.delete("language")), `${language(spoken) ?? spoken} ×`, `${language(spoken) ?? spoken} ×: remove`))
          : facets.languages.map(({ value, videos }) =>
              h("li", {}, chip(value, false, changed(query, (next) => next.set("language", value)), `${language(value) ?? value} ${videos}`, `${language(value) ?? value} ${videos} videos: only in this language`)),
            ),
      ),
    (query.get("q")?.includes(" ") || chosen.length > 0) && within(query),
  ];
}

/**
 * @param {string} value
 * @param {boolean} on
 * @param {string} href
 * @param {string} text
 * @param {string} name
 */
const chip = (value, on, href, text, name) =>
  h(on ? "a.chip.on" : "a.chip", { href, "aria-label": name, style: { "--hue": hue(value) } }, text);

/** @param {URLSearchParams} query */
function within(query) {
  const chosen = (query.get("within") ?? "10").replace(/s$/, "");
  const values = WITHIN.includes(chosen) ? WITHIN : [...WITHIN, chosen];
  return h(
    "label.within",
    {},
    "within ",
    h(
      "select",
      { change: (/** @type {any} */ { target }) => (location.hash = changed(query, (next) => next.set("within", target.value))) },
      values.map((value) => h("option", { value, selected: value === chosen }, `${value} s`)),
    ),
  );
}

/**
 * @param {Moment} moment
 * @param {URLSearchParams} query
 * @param {boolean} first whether it is the first one of its video
 */
function momentCard(moment, query, first) {
  const facts = [ago(moment.uploaded_at), moment.duration_s !== null && clock(moment.duration_s), moment.status !== "ready" && STATUS[moment.status]];
  const href = `#/videos/${encodeURIComponent(moment.video_id)}?t=${moment.start}`;
  const all = changed(query, (next) => (next.set("video", moment.video_id), next.set("per_video", "1000")));
  return h(
    "li.moment",
    {},
    h(
      "a.moment-link",
      { href },
      h(
        "div.moment-media",
        {},
        h("div.moment-picture", { "data-video": moment.video_id, "data-start": moment.start }, moment.poster && h("img", { src: moment.poster, alt: "", loading: "lazy", decoding: "async" })),
        h("span.badge.length", {}, clock(moment.start)),
      ),
      h("div.moment-body", {}, h("h2", {}, title(moment.name)), h("p.snippet", {}, moment.snippet ? marked(moment.snippet) : moment.end > 0 ? "In view" : "In its name"), h("p.facts", {}, facts.filter(Boolean).join(" · "))),
    ),
    first && moment.more > 0 && h("a.moment-more", { href: all, "aria-label": `${moment.more} more in this video: ${title(moment.name)}` }, `${moment.more} more in this video`),
  );
}

/**
 * Return a snippet with its marks; they count code points.
 * @param {Snippet} snippet
 */
function marked({ text, marks }) {
  const points = [...text];
  const parts = /** @type {Child[]} */ ([]);
  let at = 0;
  for (const { start, end } of marks) {
    parts.push(points.slice(at, start).join(""), h("mark", {}, points.slice(start, end).join("")));
    at = end;
  }
  return [...parts, points.slice(at).join("")];
}

/**
 * Cover posters with the storyboards' pictures of the moments, a video at a time.
 * @param {HTMLElement} list
 * @param {Moment[]} moments
 * @param {AbortSignal} signal
 */
async function drawPictures(list, moments, signal) {
  const ids = new Set(moments.filter((one) => one.links.storyboard).map((one) => one.video_id));
  for (const id of ids) {
    try {
      const tiles = await getStoryboard(id, signal);
      for (const box of /** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll(`[data-video="${id}"]`))) draw(box, tiles);
    } catch {
      if (signal.aborted) return; // without a storyboard the poster stays
    }
  }
}

/**
 * @param {HTMLElement} box
 * @param {Tile[]} tiles
 */
function draw(box, tiles) {
  const start = Number(box.dataset.start);
  const tile = tileAt(tiles, start);
  if (!tile) return;
  box.querySelector(".tile")?.remove();
  const picture = h("div.tile");
  drawTile(picture, tile, Math.min(box.clientWidth / tile.w, box.clientHeight / tile.h));
  box.append(picture);
}

/**
 * @param {string} text
 * @param {string[]} labels
 */
function nothing(text, labels) {
  return h(
    "div.empty",
    {},
    h("h2", {}, "Nothing matches"),
    h("p", {}, labels.length > 0 && text ? "Nobody says this near these objects. Allow more seconds, or remove one." : "Nobody says this, and no file has this name."),
    h(
      "dl.ways",
      {},
      h("dt", {}, "heart attack"),
      h("dd", {}, "both words, close together"),
      h("dt", {}, '"heart attack"'),
      h("dd", {}, "in this order"),
      h("dt", {}, "card*"),
      h("dd", {}, "words that begin so"),
      h("dt", {}, "-attack"),
      h("dd", {}, "not in videos with this word"),
    ),
  );
}
