// @ts-check
/** What runs, what waits and what failed; replays; and the queues, which can be paused. */

import { OVER, getJobs, listReplays, retryVideo, steerQueue, steerReplay } from "./changes.js";
import { act, button } from "./dialog.js";
import { bar, fill, h, inline } from "./dom.js";
import { ago, moment, title } from "./format.js";
import { poll } from "./poll.js";

const BUSY = 2000;
const IDLE = 5000;
// A message is in a queue for a moment before a worker takes it.
const LOOKS = 5;

/**
 * @param {HTMLElement} place
 * @param {AbortSignal} signal
 */
export function showJobs(place, signal) {
  document.title = "Jobs – videodrop";
  const notice = h("div");
  const wrong = h("div");
  const parts = { running: panel("Running"), waiting: panel("Waiting"), replays: panel("Reprocessing"), failed: panel("Failed"), queues: panel("Queues") };
  const alone = /** @type {Map<string, number>} */ (new Map()); // looks at a queue that nobody took from
  place.append(h("div.video-head", {}, h("h1", {}, "Jobs")), notice, wrong, h("div.jobs", {}, Object.values(parts)));

  async function refresh() {
    const [jobs, replays] = await Promise.all([getJobs(signal), listReplays(signal)]);
    const now = replays.filter((one) => !OVER.has(one.state) && one.state !== "planned");
    show(parts.running, "Running", jobs.running, "Nothing runs.", (one) => jobRow(one, h("div.with-number", {}, bar(one.run.progress, `${one.run.stage} of ${one.name}`), done(one.run))));
    show(parts.waiting, "Waiting", jobs.waiting, "Nothing waits.", (one) => jobRow(one, one.run.error && h("p.muted", {}, "Will be retried: ", inline(one.run.error.message))));
    show(parts.replays, "Reprocessing", now, "No replay is in progress.", replayRow);
    show(parts.failed, "Failed", jobs.failed, "Nothing failed.", failedRow);
    for (const one of jobs.queues) {
      const lonely = one.waiting > 0 && !one.at_work && !one.paused && !one.held_back;
      alone.set(key(one), lonely ? (alone.get(key(one)) ?? 0) + 1 : 0);
    }
    const states = jobs.queues.map((one) => (alone.get(key(one)) ?? 0) >= LOOKS);
    fill(parts.queues, [jobs.queues, jobs.dead_lettered, states], () => [h("h2", {}, "Queues"), queueTable(jobs, states)]);
    return jobs.running.length || jobs.waiting.length || now.length ? BUSY : IDLE;
  }

  /**
   * @template T
   * @param {HTMLElement} section
   * @param {string} name
   * @param {T[]} list
   * @param {string} none
   * @param {(one: T) => Child} row
   */
  function show(section, name, list, none, row) {
    fill(section, list, () => [h("h2", {}, name, list.length > 0 && h("span.count", {}, ` ${list.length}`)), list.length ? h("ul.job-list", {}, list.map((one) => h("li.job", {}, row(one)))) : h("p.muted", {}, none)]);
  }

  /**
   * Take an action, and show what came of it.
   * @param {HTMLButtonElement} pressed
   * @param {() => Promise<unknown>} action
   */
  const change = (pressed, action) => act(wrong, pressed, async () => (await action(), await refresh()));

  /** @param {Job} job */
  function failedRow(job) {
    const { run, video_id: id, name } = job;
    const again = button("Retry", () => change(again, () => retryVideo(id, [run.stage])), "button.plain", `${run.stage} of ${name}`);
    const stands = run.stands_since && `The result of ${moment(run.stands_since)} stands. `;
    return [jobRow(job, h("p.reason", {}, stands, inline(run.error?.message ?? ""))), again];
  }

  /** @param {Replay} replay */
  function replayRow(replay) {
    const { replay_id: id, state, plan, progress, reason } = replay;
    /** @param {"pause" | "resume" | "cancel"} verb @param {string} text */
    const steer = (verb, text) => {
      const pressed = button(text, () => change(pressed, () => steerReplay(id, verb)), "button.plain", `replay ${id}`);
      return replay.links[verb] && pressed;
    };
    return [
      h(
        "div.job-body",
        {},
        h("p", {}, h("strong", {}, `${plan.videos} ${plan.videos === 1 ? "video" : "videos"}`), ` · ${plan.runs} runs · ${state}`),
        h("div.with-number", {}, bar(progress.percent, `Replay ${id}`), `${Math.round(progress.percent)}%`),
        reason && h("p.muted", {}, reason),
      ),
      h("div.job-buttons", {}, steer("pause", "Pause"), steer("resume", "Resume"), steer("cancel", "Cancel")),
    ];
  }

  /**
   * @param {Jobs} jobs
   * @param {boolean[]} lonely
   */
  function queueTable({ queues, dead_lettered: dead }, lonely) {
    return h(
      "div.table-box",
      { tabindex: 0, role: "region", "aria-label": "Queues of the stages" },
      h(
        "table.stages",
        {},
        h("thead", {}, h("tr", {}, ["Queue", "Waiting", "At work", "State", "Action"].map((name) => h("th", { scope: "col" }, name)))),
        h(
          "tbody",
          {},
          queues.map((one, at) => {
            const verb = one.paused ? "resume" : "pause";
            const name = one.lane === "live" ? one.stage : `${one.stage}, replays`;
            const steer = button(one.paused ? "Resume" : "Pause", () => change(steer, () => steerQueue(one, verb)), "button.plain", name);
            return h(
              "tr",
              {},
              h("th", { scope: "row" }, name),
              h("td.number", {}, one.waiting),
              h("td.number", {}, one.at_work),
              h("td", {}, stateOf(one, lonely[at]), one.lane === "live" && dead[one.stage] && h("p.warning", {}, inline(`${dead[one.stage]} dead-lettered: \`videodrop redrive\` sends them again.`))),
              h("td", {}, steer),
            );
          }),
        ),
      ),
      h("p.muted", {}, "A paused queue keeps its messages for two weeks. Jobs in progress still end. On AWS, a Lambda function takes messages until its event source mapping is disabled."),
    );
  }

  poll(refresh, notice, signal, null);
}

/** @param {Queue} queue */
const key = ({ stage, lane }) => `${stage} ${lane}`;

/** @param {string} name */
const panel = (name) => h("section.panel", { "aria-label": name });

/**
 * @param {Queue} queue
 * @param {boolean} lonely nobody has taken from it for a while
 */
function stateOf(queue, lonely) {
  if (queue.paused) return h("span.badge.partial", {}, "Paused");
  if (queue.held_back) return h("span.badge", {}, "Held back: live work goes first");
  if (lonely) return h("span.badge.failed", {}, "Nobody works on it");
  if (queue.at_work) return h("span.badge.processing", {}, "Working");
  return h("span.badge", {}, queue.waiting ? "Waiting" : "Empty");
}

/**
 * @param {Job} job
 * @param {Child} more
 */
function jobRow({ video_id: id, name, lane, since, run }, more) {
  return h(
    "div.job-body",
    {},
    h("p", {}, h("a", { href: `#/videos/${encodeURIComponent(id)}` }, title(name)), ` · ${run.stage}`, lane === "replay" && h("span.muted", {}, " · replay"), since && h("span.muted", {}, ` · ${ago(since)}`)),
    more,
  );
}

/** @param {Job["run"]} run */
const done = ({ progress, parts }) => (parts ? `${parts.ended} of ${parts.total} parts` : `${Math.round(progress)}%`);
