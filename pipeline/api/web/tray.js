// @ts-check
/** The tray of uploads: a bar for all and one for each, with buttons to pause, resume and cancel. */

import { fill, h } from "./dom.js";
import { picker } from "./dropping.js";
import { duration, size } from "./format.js";
import { cancel, clear, isOpen, pause, restore, resume, transfers, watch } from "./transfers.js";

const WINDOW_S = 8; // over which the speed is measured
const REDRAWN_MS = 200;

/** Add the tray to the page; it is hidden while there is nothing to show. */
export function addTray() {
  const title = h("h2", {});
  const said = h("p.facts", {});
  const status = h("p.heard", { role: "status" });
  const whole = bar("All uploads");
  const buttons = h("div.tray-buttons", {});
  const list = h("ul.tray-list", {});
  const tray = h("section.tray", { "aria-label": "Uploads", hidden: true }, h("div.tray-head", {}, title, buttons), whole.node, said, status, list);
  document.body.append(tray);
  const rows = /** @type {Map<Transfer, ReturnType<typeof makeRow>>} */ (new Map());
  const speed = makeSpeed();

  function draw() {
    tray.hidden = !transfers.length;
    document.body.classList.toggle("with-tray", !tray.hidden);
    for (const [one, row] of rows) if (!transfers.includes(one)) (row.node.remove(), rows.delete(one));
    for (const one of transfers) {
      const row = rows.get(one) ?? makeRow(one);
      if (!rows.has(one)) (rows.set(one, row), list.append(row.node));
      row.update();
    }
    const open = transfers.filter(isOpen);
    const [sent, total] = [sum("sent"), sum("size")];
    const rate = speed(sent);
    whole.set(total ? (100 * sent) / total : 0);
    const left = rate > 0 ? `about ${duration((total - sent) / rate)} left` : "";
    const stopped = open.filter(({ state }) => state === "paused");
    const still = stopped.length ? "paused" : "interrupted";
    const text = open.some(isMoving) ? `Uploading ${count(open.length)}` : open.length ? `${count(open.length)} ${still}` : summary();
    fill(title, text, () => text);
    fill(status, text, () => text);
    const running = open.some(({ state }) => state === "sending");
    said.textContent = [`${size(sent)} of ${size(total)}`, running && rate > 0 && `${size(rate)}/s`, running && left].filter(Boolean).join(" · ");
    const all = open.some(isMoving) ? "Pause all" : stopped.length ? "Resume all" : open.length ? "" : "Close";
    fill(buttons, all, () => [
      all === "Pause all" && button(all, () => transfers.filter(isMoving).forEach(pause)),
      all === "Resume all" && button(all, () => transfers.filter(({ state }) => state === "paused").forEach(resume)),
      all === "Close" && button(all, clear),
    ]);
  }

  let due = 0;
  watch(() => {
    due ||= setTimeout(() => ((due = 0), draw()), REDRAWN_MS);
  });
  addEventListener("beforeunload", (event) => {
    if (transfers.some(isMoving)) event.preventDefault();
  });
  restore();
}

/** @param {Transfer} one */
const isMoving = ({ state }) => state === "sending" || state === "waiting";

/** @param {"sent" | "size"} field */
const sum = (field) => transfers.reduce((total, one) => total + (one.state === "failed" ? 0 : one[field]), 0);

/** @param {number} files */
const count = (files) => (files === 1 ? "1 file" : `${files} files`);

function summary() {
  const failed = transfers.filter(({ state }) => state === "failed").length;
  const done = transfers.length - failed;
  return [done && `${count(done)} uploaded`, failed && `${failed} failed`].filter(Boolean).join(", ");
}

/** Return a function that takes the bytes sent so far and returns bytes a second. */
function makeSpeed() {
  let seen = /** @type {[number, number][]} */ ([]);
  return (/** @type {number} */ sent) => {
    const now = performance.now() / 1000;
    if (seen.length && sent < seen[seen.length - 1][1]) seen = []; // a part begins again
    seen.push([now, sent]);
    while (seen.length > 2 && now - seen[0][0] > WINDOW_S) seen.shift();
    const [[then, before]] = seen;
    return now - then > 0.5 ? (sent - before) / (now - then) : 0;
  };
}

/** @param {Transfer} one */
function makeRow(one) {
  const progress = bar(`Upload of ${one.name}`);
  const facts = h("p.facts", {});
  const buttons = h("div.tray-buttons", {});
  const node = h("li", {}, h("div.tray-head", {}, h("p.tray-name", { title: one.path }, one.name), buttons), progress.node, facts);
  return {
    node,
    update() {
      progress.set(one.size ? (100 * one.sent) / one.size : one.state === "done" ? 100 : 0);
      progress.node.hidden = one.state === "done" || one.state === "failed";
      node.className = one.state;
      fill(facts, [one.state, one.sent, one.error, one.video_id], () => words(one));
      fill(buttons, one.state, () => [
        isMoving(one) && button("Pause", () => pause(one), one.name),
        one.state === "paused" && button("Resume", () => resume(one), one.name),
        one.state === "failed" && one.retryable && button("Try again", () => resume(one), one.name),
        one.state === "lost" && picker("Choose", "button.plain", {}),
        one.state !== "done" && button(one.state === "failed" ? "Remove" : "Cancel", () => cancel(one), one.name),
      ]);
    },
  };
}

/** @param {Transfer} one */
function words(one) {
  const sent = `${size(one.sent)} of ${size(one.size)}`;
  const link = h("a", { href: `#/videos/${one.video_id}` }, "show");
  switch (one.state) {
    case "waiting":
      return `Waiting · ${size(one.size)}`;
    case "paused":
      return `Paused · ${sent}`;
    case "lost":
      return `Interrupted · ${sent}. Choose the file again to go on.`;
    case "failed":
      return h("span.bad", {}, one.error);
    case "done":
      return one.beside ? "Uploaded" : [one.there ? "Already there · " : "Uploaded · ", link];
    default:
      return sent;
  }
}

/**
 * @param {string} text
 * @param {() => void} click
 * @param {string} [about] the file, for those who hear the page
 */
const button = (text, click, about) =>
  h("button.plain", { type: "button", click, ...(about && { "aria-label": `${text} ${about}` }) }, text);

/** @param {string} label */
function bar(label) {
  const inner = h("div.progress-fill");
  const node = h("div.progress", { role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 }, inner);
  return {
    node,
    /** @param {number} percent */
    set(percent) {
      node.setAttribute("aria-valuenow", String(Math.floor(percent)));
      inner.style.width = `${percent}%`;
    },
  };
}
