// @ts-check
/** The dialog of versions: stored results of each stage, their differences, rollback and promotion. */

import { diffVersions, listVersions, promote, rollBack } from "./changes.js";
import { act, button, openDialog } from "./dialog.js";
import { fill, h } from "./dom.js";
import { clock, duration, moment, percent, size, words } from "./format.js";

const DIGITS = 12;
const CHANGES = 40;

/**
 * @param {string} id
 * @param {AbortSignal} signal
 * @param {() => Promise<unknown>} reload shows the video as it is now
 */
export function openVersions(id, signal, reload) {
  const { body, buttons, close, signal: gone } = openDialog("Versions", signal);
  const list = h("div.versions", { tabindex: 0, role: "region", "aria-label": "Versions by stage" });
  const wrong = h("div", { role: "status" });
  body.append(list, wrong);
  buttons.append(button("Close", close, "button.primary"));
  void act(wrong, null, refresh);

  async function refresh() {
    const versions = await listVersions(id, gone);
    const stages = [...new Set(versions.map((one) => one.stage))];
    list.replaceChildren(
      ...stages.map((stage) => {
        const own = versions.filter((one) => one.stage === stage);
        return h("section", { "aria-label": stage }, h("h3", {}, stage), h("ul.version-list", {}, own.toReversed().map((one) => row(one, own))));
      }),
    );
    if (!stages.length) list.replaceChildren(h("p.muted", {}, "No stage has a result yet."));
  }

  /**
   * @param {Version} version
   * @param {Version[]} all of its stage
   */
  function row(version, all) {
    const { stage, fingerprint } = version;
    const current = all.find((one) => one.current);
    const place = h("div.version-diff");
    const about = `${stage} of ${moment(version.finished_at)}`;
    /** @param {() => Promise<unknown>} change */
    const changing = (change) => async () => {
      await change();
      await Promise.all([refresh(), reload()]);
    };
    const back = button("Roll back to it", () => act(wrong, back, changing(() => rollBack(id, stage))), "button.plain", about);
    const make = button("Make it current", () => act(wrong, make, changing(() => promote(id, stage, fingerprint))), "button.plain", about);
    const compare = button("Compare with current", () => act(wrong, compare, show), "button.plain", about);
    async function show() {
      const diff = await diffVersions(id, stage, current?.fingerprint ?? "", fingerprint, gone);
      fill(place, diff, () => difference(diff));
    }
    return h(
      "li.version",
      {},
      h(
        "div.version-head",
        {},
        h("strong", {}, moment(version.finished_at)),
        version.current && h("span.badge.ready", {}, "Current"),
        version.rollback_target && h("span.badge", {}, "Before"),
      ),
      h("p.facts", {}, facts(version, all)),
      h("div.version-buttons", {}, version.rollback_target && back, !version.current && !version.rollback_target && make, !version.current && current && compare),
      place,
    );
  }
}

/**
 * @param {Version} version
 * @param {Version[]} all
 */
function facts({ fingerprint, code_version: code, models, params, cost, bytes, warnings }, all) {
  const telling = Object.keys(params).filter((name) => all.some((one) => JSON.stringify(one.params[name]) !== JSON.stringify(params[name])));
  return [
    models.model,
    ...telling.map((name) => `${words(name)} ${JSON.stringify(params[name])}`),
    `code ${code}`,
    duration(cost.seconds),
    size(bytes),
    ...warnings.map((one) => words(one.code)),
    fingerprint.slice(0, DIGITS),
  ]
    .filter(Boolean)
    .join(" · ");
}

/** @param {VersionDiff} diff current before, the chosen one after */
function difference(diff) {
  /** @type {[string, string][]} */
  const rows = [];
  const changed = { ...(diff.code_version && { code: diff.code_version }), ...diff.params, ...diff.models };
  for (const [name, { before, after }] of Object.entries(changed)) rows.push([words(name), `${shown(before)} → ${shown(after)}`]);
  rows.push(["Time", `${duration(diff.seconds.before)} → ${duration(diff.seconds.after)}`], ["Size", `${size(diff.bytes.before)} → ${size(diff.bytes.after)}`]);
  for (const one of diff.warnings_lost) rows.push(["No longer", one.message]);
  for (const one of diff.warnings_gained) rows.push(["New", one.message]);
  if (diff.labels?.gained.length) rows.push(["Objects gained", diff.labels.gained.join(", ")]);
  if (diff.labels?.lost.length) rows.push(["Objects lost", diff.labels.lost.join(", ")]);
  const spoken = diff.transcript;
  if (spoken?.wer !== undefined && spoken?.wer !== null) rows.push(["Other words", percent(spoken.wer)]);
  return [
    h("p.muted", {}, "Current → this version"),
    h("dl.pairs", {}, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    spoken && spoken.changes.length > 0 &&
      h(
        "ul.word-changes",
        { "aria-label": "Words that differ" },
        spoken.changes.slice(0, CHANGES).map(({ time, before, after }) => h("li", {}, h("span.muted", {}, clock(time)), " ", before && h("del", {}, before), before && after && " ", after && h("ins", {}, after))),
      ),
    spoken && spoken.changes.length > CHANGES && h("p.muted", {}, `… and ${spoken.changes.length - CHANGES} more`),
  ];
}

/** @param {unknown} value */
const shown = (value) => (value === null || value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value));
