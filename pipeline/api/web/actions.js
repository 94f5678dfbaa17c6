// @ts-check
/** What people do with a video: retry, reprocess, versions, its original, delete. */

import { OVER, deleteVideo, getReplay, restoreVideo, retryVideo } from "./changes.js";
import { act, button, openDialog } from "./dialog.js";
import { bar, fill, h } from "./dom.js";
import { date, title } from "./format.js";
import { pause } from "./poll.js";
import { makeProblems } from "./problems.js";
import { openReprocess } from "./reprocess.js";
import { clearToast, toast } from "./toast.js";
import { openVersions } from "./versions.js";

const EVERY_MS = 1500;

/**
 * @param {string} id
 * @param {() => Promise<unknown>} reload shows the video as it is now
 * @param {AbortSignal} signal
 */
export function makeActions(id, reload, signal) {
  let video = /** @type {Video | null} */ (null);
  const deletion = { running: false }; // its events need no second look: what they tell of is gone
  const row = h("div.actions");
  const progress = h("div.replay-progress", { role: "status" });
  const problems = makeProblems(async (stages) => follow(await retryVideo(id, stages)));

  /**
   * Show a replay's progress until it is over, and the video as it changes.
   * @param {Replay} replay
   */
  async function follow(replay) {
    clearToast();
    while (!signal.aborted) {
      fill(progress, [replay.state, replay.progress], () => !OVER.has(replay.state) && running(replay));
      await reload();
      if (OVER.has(replay.state)) return said(replay);
      await pause(EVERY_MS, signal);
      if (!signal.aborted) replay = await getReplay(replay.replay_id, signal).catch(() => replay);
    }
  }

  return {
    node: h("div.acts", {}, row, progress, problems.node),
    deletion,
    /** @param {Video} now */
    update(now) {
      video = now;
      fill(row, [now.name, now.original_url?.split("?")[0], now.links.versions], () => [
        button("Reprocess…", () => video && openReprocess(video, signal, (replay) => void follow(replay))),
        now.links.versions && button("Versions…", () => openVersions(id, signal, reload)),
        // The address expires: the one of the latest answer is opened.
        now.original_url && button("Download original", () => video?.original_url && location.assign(video.original_url)),
        button("Delete…", () => video && askToDelete(video, deletion, signal), "button.danger"),
      ]);
      problems.update(now);
    },
  };
}

/** @param {Replay} replay */
function running({ plan, progress, state }) {
  const ended = progress.succeeded + progress.reused + progress.failed + progress.superseded + progress.lost;
  const text = state === "planning" ? "Planning …" : state === "paused" ? "The reprocessing is paused." : `Reprocessing: ${ended} of ${plan.runs} runs`;
  return [h("p.facts", {}, text), bar(progress.percent, "Reprocessing")];
}

/** @param {Replay} replay */
function said({ state, reason, progress }) {
  if (progress.failed + progress.lost > 0) return; // the video's problems say it
  if (state === "failed") toast(`The reprocessing failed: ${reason ?? "see the log of the worker."}`);
  else if (state === "cancelled") toast("The reprocessing was cancelled.");
  else toast("The reprocessing is done.");
}

/**
 * @param {Video} video
 * @param {{running: boolean}} deletion
 * @param {AbortSignal} signal
 */
function askToDelete(video, deletion, signal) {
  const { body, buttons, close, signal: gone } = openDialog(`Delete ${title(video.name)}?`, signal);
  const wrong = h("div");
  body.append(
    h("p", {}, "Its results of all versions, its captions and its search entries are deleted at once."),
    h(
      "p",
      {},
      video.restorable_days
        ? `The file can be restored for ${video.restorable_days} days. Its results are then made again.`
        : "The file is gone for good: this library keeps no deleted files.",
    ),
    wrong,
  );
  const yes = button("Delete", () => act(wrong, yes, remove), "button.danger");
  buttons.append(button("Cancel", close), yes);
  async function remove() {
    deletion.running = true;
    const done = await deleteVideo(video.video_id).catch((error) => {
      deletion.running = false;
      throw error;
    });
    if (!gone.aborted) close();
    location.hash = "#/";
    const until = done.restorable_until;
    toast(
      `${title(video.name)} was deleted. ${until ? `Its file can be restored until ${date(until)}.` : "It is gone for good."}`,
      until ? { label: "Undo", run: () => undo(video) } : null,
    );
  }
}

/** @param {Video} video */
async function undo({ video_id: id, name }) {
  try {
    await restoreVideo(id);
    toast([`${title(name)} is restored; its results are made again. `, h("a", { href: `#/videos/${id}` }, "Show it")]);
  } catch (error) {
    toast(error instanceof Error ? error.message : "It could not be restored.", { label: "Try again", run: () => undo(/** @type {Video} */ ({ video_id: id, name })) });
  }
}
