// @ts-check
/** The library: every video as a card, by time. Only the cards in view are in the document. */

import { getHealth, listVideos } from "./api.js";
import { makeCard } from "./card.js";
import { fill, h } from "./dom.js";
import { pickers } from "./dropping.js";
import { emptyState } from "./empty.js";
import { address, asked, chosen, makeFilters } from "./filters.js";
import { Live } from "./live.js";
import { leaveLibraryAt } from "./place.js";
import { poll } from "./poll.js";
import { makeWindowed } from "./windowed.js";

const BUSY = 2000;
const IDLE = 10000;
const RECOUNT = 60000; // milliseconds
const PAGE = "40";
const WIDTH = 270; // least width of a card in CSS pixels
const COUNTED = 10000; // videos that the API counts
const EMPTY = 25; // pages without a match, after which people are asked

/** The library as it was left, by its filters: Back shows it again at once, at the same place. */
let left = /** @type {{key: string, videos: Card[], next: string | null, at: {item: number, above: number}} | null} */ (null);

/**
 * @param {HTMLElement} place
 * @param {Record<string, string>} options of the address
 * @param {AbortSignal} signal
 */
export function showLibrary(place, options, signal) {
  document.title = "Library – videodrop";
  const filters = chosen(options);
  const key = address(filters);
  const query = asked(filters);
  const oldest = query.sort === "oldest";
  const filtered = Object.keys(filters).some((name) => name !== "sort");
  const notice = h("div");
  const grid = h("ul.grid");
  const empty = h("div");
  const number = h("p.facts", { role: "status" });
  const cards = /** @type {Map<string, ReturnType<typeof makeCard>>} */ (new Map()); // those in the document
  const labels = /** @type {Set<string>} */ (new Set());
  const known = h("datalist", { id: "labels" });
  const back = left?.key === key ? left : null;
  let videos = back?.videos ?? [];
  let next = back?.next ?? null; // cursor behind the last video
  let extended = videos.length > 0; // whether more than the first page was read
  let total = /** @type {number | null} */ (null);
  let examining = false;
  let asking = false; // whether people are to say if it looks further
  const further = h("button.more", { type: "button", hidden: true }, "Look further");
  let askedAt = 0; // when they were counted
  let drop = /** @type {string | null} */ (null);

  const windowed = makeWindowed({
    content: grid,
    scroller: null,
    signal,
    perRow: () => Math.max(1, Math.floor((grid.clientWidth + 20) / (WIDTH + 20))),
    estimate: () => (grid.clientWidth / Math.max(1, Math.floor((grid.clientWidth + 20) / (WIDTH + 20)))) * 0.5625 + 110,
    build: (index) => {
      const video = videos[index];
      const card = cards.get(video.video_id) ?? makeCard(video, signal);
      cards.set(video.video_id, card);
      card.update(video);
      return card.node;
    },
    drawn: () => {
      for (const [id, card] of cards) if (!card.node.isConnected) cards.delete(id);
      // As many pages as there is room for; after a failure, the next scroll asks again.
      if (next && !asking && windowed.nearEnd()) extend().catch(fail);
    },
  });

  /**
   * Show these videos.
   * @param {Card[]} list
   */
  function show(list) {
    const before = new Set(videos);
    videos = list;
    for (const video of list) if (!before.has(video)) for (const one of video.labels) labels.add(one);
    fill(known, [...labels], () => [...labels].sort().map((value) => h("option", { value })));
    number.textContent = counted();
    if (videos.length) empty.replaceChildren();
    else if (!next) fill(empty, [key, drop], () => emptyState(filtered, drop));
    windowed.show(videos.length, true);
  }

  function counted() {
    const most = total !== null && total >= COUNTED;
    const known = Math.max(total ?? 0, videos.length);
    if (!known) return asking ? "Nothing yet" : next ? "Looking …" : "";
    const least = most || (total === null && next) ? "at least " : "";
    return `${least}${known.toLocaleString("en")} ${known === 1 ? "video" : "videos"}`;
  }

  /** Read the first page again: what is new comes in front, what is gone leaves. */
  async function refresh() {
    const page = await listVideos({ ...query, limit: PAGE }, signal);
    if (!extended) next = page.next_cursor;
    const last = page.videos.at(-1);
    const rest = page.next_cursor ? videos.filter((one) => !last || isAfter(one, last)) : [];
    const more = page.videos.length + rest.length - videos.length;
    if (total !== null) total += more;
    show([...page.videos, ...rest]);
    if (!videos.length && next && !asking) await extend();
    if (more || !askedAt) count().catch(fail);
    const busy = videos.filter((one) => one.status === "processing").map((one) => one.video_id);
    for (const one of videos) live.arrived.delete(one.video_id);
    live.watch([...busy, ...live.arrived]);
    return busy.length || !(videos.length || filtered) ? BUSY : IDLE;
  }

  /** Count the videos. It reads a key of each, so it is done rarely; what comes in between is added. */
  async function count() {
    if (askedAt && Date.now() - askedAt < RECOUNT) return;
    askedAt = Date.now();
    const page = await listVideos({ ...query, limit: "1", count: "true" }, signal);
    total = page.total;
    number.textContent = counted();
  }

  /** Read further pages until there is a video to add: rare matches may follow empty pages. */
  async function extend() {
    if (examining || !next) return;
    examining = extended = true;
    const before = videos.length;
    let pages = 0;
    try {
      do {
        const page = await listVideos({ ...query, limit: "100", cursor: next }, signal);
        next = page.next_cursor;
        const there = new Set(videos.map((one) => one.video_id));
        show([...videos, ...page.videos.filter((one) => !there.has(one.video_id))]);
      } while (next && videos.length === before && ++pages < EMPTY);
      asking = next !== null && videos.length === before;
      further.hidden = !asking;
      number.textContent = counted();
    } finally {
      examining = false;
    }
    if (next && !asking && windowed.nearEnd()) await extend();
  }

  /**
   * Return whether a video is listed after another one.
   * @param {Card} one
   * @param {Card} other
   */
  function isAfter(one, other) {
    const [a, b] = [one, other].map((video) => `${new Date(video.uploaded_at).toISOString()}#${video.video_id}`);
    return oldest ? a > b : a < b;
  }

  /** @param {unknown} error */
  const fail = (error) => signal.aborted || notice.replaceChildren(h("p.notice.bad", { role: "alert" }, /** @type {Error} */ (error).message));

  further.addEventListener("click", () => extend().catch(fail));
  getHealth(signal).then((health) => (drop = health.drop)).catch(() => {});
  signal.addEventListener("abort", () => (left = { key, videos, next, at }));
  place.append(h("div.library-head", {}, h("div.library-title", {}, h("h1", {}, "Library"), number, pickers()), makeFilters(filters, known)), notice, empty, grid, further);
  leaveLibraryAt(key);
  let at = back?.at ?? { item: 0, above: 0 };
  if (back) {
    show(videos);
    if (at.item) windowed.restore(at);
  }
  // The place is noted while the view is there: when it is left, its elements are gone.
  addEventListener("scroll", () => (at = windowed.place()), { passive: true, signal });
  const live = new Live(signal);
  poll(refresh, notice, signal, live);
}
