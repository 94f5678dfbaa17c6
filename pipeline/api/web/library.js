// @ts-check
/** The library: every video as a card, newest first. */

import { getHealth, given, listVideos } from "./api.js";
import { bar, fill, h, inline } from "./dom.js";
import { pickers } from "./dropping.js";
import { STATUS, ago, clock, hue, size, title } from "./format.js";
import { Live } from "./live.js";
import { poll } from "./poll.js";

const BUSY = 2000;
const IDLE = 10000;
const CHIPS = 4;

/**
 * @param {HTMLElement} place
 * @param {{status?: string, label?: string}} filter
 * @param {AbortSignal} signal
 */
export function showLibrary(place, { status = "", label = "" }, signal) {
  document.title = "Library – videodrop";
  const notice = h("div");
  const grid = h("ul.grid");
  const empty = h("div");
  const more = h("button.more", { type: "button", hidden: true }, "Show more");
  const known = /** @type {Map<string, ReturnType<typeof makeCard>>} */ (new Map());
  const labels = /** @type {Set<string>} */ (new Set());
  const options = h("datalist", { id: "labels" });
  let next = /** @type {string | null} */ (null); // cursor behind the last card
  let extended = false; // whether more than the first page was asked for

  /**
   * Show these videos.
   * @param {Card[]} videos
   * @returns {HTMLElement[]} their cards
   */
  function show(videos) {
    const nodes = videos.map((video) => {
      const card = known.get(video.video_id) ?? makeCard(video);
      known.set(video.video_id, card);
      card.update(video);
      for (const one of video.labels) labels.add(one);
      return card.node;
    });
    fill(options, [...labels], () => [...labels].sort().map((value) => h("option", { value })));
    more.hidden = next === null;
    return nodes;
  }

  async function refresh() {
    const page = await listVideos({ status, label }, signal);
    if (!extended) {
      // Keep the first page's cards in order; remove those that are no longer listed.
      const ids = new Set(page.videos.map((video) => video.video_id));
      for (const [id, card] of known) if (!ids.has(id)) (card.node.remove(), known.delete(id));
      next = page.next_cursor;
    }
    show(page.videos).forEach((node, at) => {
      if (grid.children[at] !== node) grid.insertBefore(node, grid.children[at] ?? null);
    });
    // Rare matches may follow an empty page: continue until there is a card to show.
    if (!known.size && next) await extend();
    if (known.size) empty.replaceChildren();
    else fill(empty, [status, label, drop], () => emptyState(Boolean(status || label), drop));
    const busy = [...known].filter(([, card]) => card.busy).map(([id]) => id);
    for (const id of live.arrived) if (known.has(id)) live.arrived.delete(id);
    live.watch([...busy, ...live.arrived]);
    return busy.length || !known.size ? BUSY : IDLE;
  }

  async function extend() {
    extended = true;
    do {
      const page = await listVideos({ status, label, cursor: next }, signal);
      next = page.next_cursor;
      grid.append(...show(page.videos));
    } while (!known.size && next);
  }

  let drop = /** @type {string | null} */ (null);
  getHealth(signal).then((health) => (drop = health.drop)).catch(() => {});
  more.addEventListener("click", () => {
    more.disabled = true;
    extend()
      .catch((error) => signal.aborted || notice.replaceChildren(h("p.notice.bad", { role: "alert" }, error.message)))
      .finally(() => (more.disabled = false));
  });
  place.append(
    h("div.library-head", {}, h("div.library-title", {}, h("h1", {}, "Library"), pickers()), filters(status, label, options)),
    notice,
    empty,
    grid,
    more,
  );
  const live = new Live(signal);
  poll(refresh, notice, signal, live);
}

/**
 * @param {string} status
 * @param {string} label
 */
function go(status, label) {
  const query = given({ status, label });
  location.hash = query.size ? `#/?${query}` : "#/";
}

/**
 * @param {string} status
 * @param {string} label
 * @param {HTMLElement} options labels to choose from
 */
function filters(status, label, options) {
  const state = h(
    "select",
    { id: "status", change: ({ target }) => go(target.value, label) },
    h("option", { value: "" }, "Any status"),
    Object.entries(STATUS)
      .filter(([value]) => value !== "deleted")
      .map(([value, text]) => h("option", { value, selected: value === status }, text)),
  );
  /** @type {HTMLInputElement} */
  const seen = h("input", {
    id: "label",
    type: "search",
    list: "labels",
    placeholder: "Object label",
    autocomplete: "off",
    value: label,
    change: () => go(status, seen.value.trim()),
  });
  return h(
    "form.filters",
    { role: "search", submit: (/** @type {SubmitEvent} */ event) => (event.preventDefault(), go(status, seen.value.trim())) },
    h("label", { for: "status" }, h("span", {}, "Status"), state),
    h("label", { for: "label" }, h("span", {}, "Shows"), seen),
    options,
    (status || label) && h("a.clear", { href: "#/" }, "Clear filters"),
  );
}

/** @param {Card} first */
function makeCard(first) {
  const picture = h("div.card-picture");
  const badges = h("div.card-badges");
  const body = h("div.card-body");
  const href = `#/videos/${encodeURIComponent(first.video_id)}`;
  const node = h(
    "li.card",
    {},
    h("a.card-link", { href }, h("div.card-media", {}, picture, badges), h("h2", { title: first.name }, title(first.name))),
    body,
  );
  const card = {
    node,
    busy: false,
    /** @param {Card} video */
    update(video) {
      card.busy = video.status === "processing";
      // A signed URL changes each time; the picture behind it does not.
      fill(picture, video.poster?.split("?")[0], () =>
        video.poster
          ? h("img", { src: video.poster, alt: "", loading: "lazy", decoding: "async" })
          : h("div.no-picture", {}, card.busy ? "" : "No picture"),
      );
      fill(badges, [video.status, video.duration_s], () => [
        video.status !== "ready" && h(`span.badge.${video.status}`, {}, STATUS[video.status]),
        video.duration_s !== null && h("span.badge.length", {}, clock(video.duration_s)),
      ]);
      fill(body, [unsigned(video), ago(video.uploaded_at)], () => cardBody(video));
    },
  };
  return card;
}

/** @param {Card} video */
const unsigned = (video) => (video.poster ? { ...video, poster: null } : video);

/** @param {Card} video */
function cardBody(video) {
  const facts = [ago(video.uploaded_at), size(video.bytes), video.width && `${video.width}×${video.height}`];
  const failed = video.stages.find((stage) => stage.state === "failed" && stage.error && !stage.stands_since);
  return [
    h("p.facts", {}, facts.filter(Boolean).join(" · ")),
    video.status === "processing" &&
      h(
        "ul.mini-stages",
        {},
        video.stages.map((stage) =>
          h(`li.${stage.state}`, {}, h("span", {}, stage.stage), bar(stage.progress, `${stage.stage} of ${video.name}`)),
        ),
      ),
    failed?.error && h("p.reason", {}, inline(failed.error.message)),
    video.labels.length > 0 &&
      h(
        "ul.chips",
        { "aria-label": "Objects" },
        video.labels
          .slice(0, CHIPS)
          .map((label) =>
            h("li", {}, h("a.chip", { href: `#/?${new URLSearchParams({ label })}`, style: { "--hue": hue(label) } }, label)),
          ),
        video.labels.length > CHIPS && h("li.rest", {}, `+${video.labels.length - CHIPS}`),
      ),
  ];
}

/**
 * @param {boolean} filtered
 * @param {string | null} drop where to put videos
 */
function emptyState(filtered, drop) {
  if (filtered) {
    return h("div.empty", {}, h("h2", {}, "Nothing matches"), h("p", {}, "No video fits these filters. ", h("a", { href: "#/" }, "Show all videos")));
  }
  return h(
    "div.empty",
    {},
    h("img", { src: "web/icon.svg", alt: "", width: 72, height: 72 }),
    h("h2", {}, "Drop your first video"),
    h("p", {}, "It becomes playable, with a poster, captions, a searchable transcript and the objects in it."),
    h(
      "dl.ways",
      {},
      h("dt", {}, "On this page"),
      h("dd", {}, "Drop videos or folders anywhere, or use the buttons above."),
      h("dt", {}, "From a terminal"),
      h("dd", {}, h("code", {}, "videodrop add holiday.mp4")),
      h("dt", {}, "With any S3 client"),
      h("dd", {}, h("code", {}, `aws s3 cp holiday.mp4 ${drop ?? "s3://videodrop-uploads/videos/"}`)),
      h("dt", {}, "On this machine"),
      h("dd", {}, "Copy it into the inbox folder that ", h("code", {}, "videodrop up"), " prints."),
    ),
    h("p.muted", {}, "This page updates automatically."),
  );
}
