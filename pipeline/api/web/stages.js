// @ts-check
/** The table of stages: name, state, time, cost, notes and files. */

import { bar, h, inline } from "./dom.js";
import { STATE, duration, size, words } from "./format.js";

/** @param {Video} video */
export function stageTable(video) {
  return h(
    "div.table-box",
    { tabindex: 0, role: "region", "aria-label": "Stages" },
    h(
      "table.stages",
      {},
      h("thead", {}, h("tr", {}, ["Stage", "State", "Time", "CPU", "Output", "Notes"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, video.stages.map(row)),
      h("tfoot", {}, h("tr", {}, h("th", { scope: "row" }, "Total"), h("td"), ...costs(video.cost), h("td"))),
    ),
  );
}

/** @param {Stage} stage */
function row(stage) {
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, stage.stage),
    h(
      "td",
      {},
      h(`span.state.${shown(stage)}`, {}, STATE[shown(stage)] ?? stage.state),
      stage.state === "running" && h("div.with-number", {}, bar(stage.progress, stage.stage), stage.parts ? parts(stage.parts) : `${Math.round(stage.progress)}%`),
    ),
    ...costs(stage.cost),
    h("td.notes", {}, stage.error && failure(stage.state, stage.error), stage.warnings.map((notice) => h(`p.${notice.level}`, {}, inline(notice.message))), details(stage)),
  );
}

/**
 * Return the state of what is shown: a result stands if only its reprocessing failed.
 * @param {Stage} stage
 */
const shown = ({ state, stands_since: since }) => (since ? "succeeded" : state);

/** @param {NonNullable<Stage["parts"]>} given */
const parts = ({ ended, total, at_work: working }) => `${ended} of ${total} parts${working ? `, ${working} at work` : ""}`;

/** @param {Cost | null} cost */
const costs = (cost) =>
  cost
    ? [h("td.number", {}, duration(cost.seconds)), h("td.number", {}, duration(cost.cpu_seconds)), h("td.number", {}, size(cost.bytes_out))]
    : [h("td.number", {}, "–"), h("td.number", {}, "–"), h("td.number", {}, "–")];

/**
 * Return a failure; problems.js says what to do about one that is not retried.
 * @param {string} state
 * @param {StageError} error
 */
function failure(state, error) {
  return h(
    "div.failure",
    {},
    state !== "failed" && h("p", {}, inline(`Will be retried: ${error.message}`)),
    h("p.muted", {}, `${words(error.class)} · ${error.code}`),
  );
}

/** @param {Stage} stage */
function details(stage) {
  const facts = { ...stage.models, ...(stage.fingerprint && { fingerprint: stage.fingerprint }), attempt: stage.attempt };
  if (!stage.fingerprint) return null;
  return h(
    "details",
    {},
    h("summary", {}, "Details"),
    pairs(facts),
    Object.keys(stage.params).length > 0 && [h("h4", {}, "Parameters"), pairs(stage.params)],
    Object.keys(stage.summary).length > 0 && [h("h4", {}, "Summary"), h("pre", {}, JSON.stringify(stage.summary, null, 1))],
    h("h4", {}, "Files"),
    h("ul.files", {}, stage.artifacts.map((one) => h("li", {}, h("a", { href: one.url }, one.name), h("span.muted", {}, `${words(one.role)} · ${size(one.bytes)}`)))),
  );
}

/** @param {Record<string, unknown>} facts */
const pairs = (facts) =>
  h("dl.pairs", {}, Object.entries(facts).map(([name, value]) => [h("dt", {}, words(name)), h("dd", {}, typeof value === "string" ? value : JSON.stringify(value))]));
