// @ts-check
/** The dialog of a reprocessing: stages and settings, then the plan with reasons and cost, then its start. */

import { getReplay, replayVideo, steerReplay } from "./changes.js";
import { act, button, openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { dollars, duration, title, words } from "./format.js";
import { pause } from "./poll.js";

const EVERY_MS = 500;
const PATIENCE_MS = 15000;

/** @type {[keyof StagePlan, string][]} */
const VERDICTS = [
  ["run", "Compute"],
  ["reuse", "Use the stored result"],
  ["current", "Up to date"],
  ["left_out", "Left out by the uploader"],
  ["in_progress", "In progress"],
  ["failed_permanently", "Would fail again: use Retry"],
  ["blocked", "Cannot be planned"],
];

/**
 * @param {Video} video
 * @param {AbortSignal} signal
 * @param {(replay: Replay) => void} started
 */
export function openReprocess(video, signal, started) {
  const { body, buttons, close, signal: gone } = openDialog(`Reprocess ${title(video.name)}`, signal);
  const wrong = h("div");
  let planned = /** @type {Replay | null} */ (null);
  gone.addEventListener("abort", drop);
  const form = makeForm(video.stages);
  showForm();

  /** Cancel a plan that is not to be run. */
  function drop() {
    if (planned) steerReplay(planned.replay_id, "cancel").catch(() => {});
    planned = null;
  }

  function showForm() {
    const plan = button("Show the plan", () => act(wrong, plan, makePlan), "button.primary");
    body.replaceChildren(form.node, wrong);
    buttons.replaceChildren(button("Cancel", close), plan);
    form.node.onsubmit = (event) => (event.preventDefault(), plan.click());
  }

  async function makePlan() {
    const begun = performance.now();
    let replay = (planned = await replayVideo(video.video_id, { ...form.read(), dry_run: true }, gone));
    while (replay.state === "planning" && !gone.aborted) {
      if (performance.now() - begun > PATIENCE_MS) {
        drop();
        throw new Error("No worker has made the plan yet. Is one running? Try again when it is.");
      }
      await pause(EVERY_MS, gone);
      replay = await getReplay(replay.replay_id, gone);
    }
    if (gone.aborted) return;
    if (replay.state === "failed") throw new Error(replay.reason ?? "The plan could not be made.");
    showPlan(replay);
  }

  /** @param {Replay} replay */
  function showPlan(replay) {
    const { runs } = replay.plan;
    const text = runs === 1 ? "Run 1 stage" : `Run ${runs} stages`;
    const start = button(text, () => act(wrong, start, run), "button.primary");
    const table = planTable(replay.plan);
    body.replaceChildren(table, wrong);
    buttons.replaceChildren(button("Back", () => (drop(), showForm())), ...(runs ? [start] : [button("Close", close, "button.primary")]));
    table.focus();
    async function run() {
      const running = await steerReplay(replay.replay_id, "resume");
      planned = null;
      close();
      started(running);
    }
  }
}

/** @param {Stage[]} stages */
function makeForm(stages) {
  const rows = stages.map((stage) => {
    const chosen = h("input", { type: "checkbox", checked: true, value: stage.stage });
    const fields = Object.entries(stage.params).map(([name, value]) => /** @type {const} */ ([name, setting(stage.stage, name, value)]));
    const node = h(
      "div.choice",
      {},
      h("label", {}, chosen, ` ${stage.stage}`),
      Object.keys(stage.given).length > 0 && h("p.muted", {}, `Set by an earlier replay: ${listed(stage.given)}`),
      fields.length > 0 &&
        h("details", {}, h("summary", {}, `Settings of ${stage.stage}`), h("div.settings", {}, fields.map(([, { label }]) => label))),
    );
    return { stage: stage.stage, chosen, fields, node };
  });
  const reset = h("input", { type: "checkbox" });
  const kept = stages.some((stage) => Object.keys(stage.given).length > 0);
  const node = h(
    "form.reprocess",
    {},
    h("fieldset", {}, h("legend", {}, "Stages"), rows.map((row) => row.node)),
    kept && h("label", {}, reset, " Drop the settings of earlier replays"),
    h("p.muted", {}, "Nothing is computed before you have seen the plan."),
    h("button", { type: "submit", hidden: true }),
  );
  return {
    node,
    /** @returns {VideoReplay} */
    read() {
      const chosen = rows.filter((row) => row.chosen.checked);
      if (!chosen.length) throw new Error("Choose a stage at least.");
      const params = chosen.map((row) => /** @type {const} */ ([row.stage, Object.fromEntries(row.fields.filter(([, one]) => one.changed()).map(([name, one]) => [name, one.value()]))]));
      return {
        stages: chosen.map((row) => row.stage),
        params: Object.fromEntries(params.filter(([, given]) => Object.keys(given).length > 0)),
        reset: reset.checked,
      };
    },
  };
}

/**
 * Return a field for a parameter.
 * @param {string} stage
 * @param {string} name
 * @param {unknown} value
 */
function setting(stage, name, value) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const input = h("input", { type: "text", value: text, autocomplete: "off", spellcheck: "false", name: `${stage}-${name}` });
  return {
    label: h("label", {}, h("span", {}, words(name)), input),
    changed: () => input.value.trim() !== text,
    value: () => parsed(input.value.trim()),
  };
}

/**
 * Return what a person typed as JSON if it is, else as text: the API converts it.
 * @param {string} text
 * @returns {unknown}
 */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** @param {Record<string, unknown>} given */
const listed = (given) => Object.entries(given).map(([name, value]) => `${words(name)} ${JSON.stringify(value)}`).join(", ");

/** @param {Plan} plan */
function planTable({ stages, runs, estimate, prices }) {
  const measured = stages.every((one) => one.measured === one.run);
  const shown = stages.filter((one) => !one.not_selected);
  return h(
    "div.table-box",
    { tabindex: 0, role: "region", "aria-label": "Plan" },
    h(
      "table.stages.plan",
      {},
      h("thead", {}, h("tr", {}, ["Stage", "What happens", "Why", "Time", "USD"].map((name) => h("th", { scope: "col" }, name)))),
      h(
        "tbody",
        {},
        shown.map((one) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, one.stage),
            h("td", {}, VERDICTS.find(([verdict]) => one[verdict])?.[1] ?? "Nothing"),
            h("td", {}, Object.keys(one.because).join("; ") || "–"),
            ...costs(one.run ? one.estimate : null),
          ),
        ),
      ),
      runs > 0 && h("tfoot", {}, h("tr", {}, h("th", { scope: "row" }, "Total"), h("td"), h("td"), ...costs(estimate))),
    ),
    h("p.muted", {}, runs ? `Time of one worker, ${measured ? "by recorded run times" : "partly guessed: nothing like it has run here yet"}. ${prices}.` : "Nothing to do: everything chosen is up to date."),
  );
}

/** @param {Estimate | null} estimate */
const costs = (estimate) => [h("td.number", {}, estimate ? duration(estimate.seconds) : "–"), h("td.number", {}, estimate ? dollars(estimate.usd) : "–")];
