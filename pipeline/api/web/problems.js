// @ts-check
/** What failed of a video, each failure once, with what to do. */

import { act, button } from "./dialog.js";
import { fill, h, inline } from "./dom.js";
import { moment } from "./format.js";

/**
 * @param {(stages: string[]) => Promise<unknown>} retry
 */
export function makeProblems(retry) {
  const list = h("div");
  const wrong = h("div");
  return {
    node: h("div.problems", {}, list, wrong),
    /** @param {Video} video */
    update(video) {
      const found = grouped(video.stages);
      fill(list, found, () =>
        found.map(({ stages, message, since }) => {
          const again = button("Retry", () => act(wrong, again, () => retry(stages)), "button.plain", stages.join(", "));
          return h(
            `div.notice.problem${since ? "" : ".bad"}`,
            {},
            h(
              "p",
              {},
              h("strong", {}, `${stages.join(", ")}: `),
              since && "last reprocessing failed; ",
              since && `the result of ${moment(since)} stands. `,
              inline(message),
            ),
            again,
          );
        }),
      );
    },
  };
}

/**
 * Return the failures of stages; stages with the same one are together.
 * @param {Stage[]} stages
 */
function grouped(stages) {
  const found = /** @type {Map<string, {stages: string[], message: string, since: string | null}>} */ (new Map());
  for (const { stage, state, error, stands_since: since } of stages) {
    if (state !== "failed" || !error) continue;
    const key = `${error.message} ${Boolean(since)}`;
    const known = found.get(key);
    if (known) known.stages.push(stage);
    else found.set(key, { stages: [stage], message: error.message, since });
  }
  return [...found.values()];
}
