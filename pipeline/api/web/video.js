// @ts-check
/** One video: player, timeline, transcript, objects, stages and downloads, updated by polling. */

import { Problem, getCaptions, getStoryboard, getTranscript, getVideo } from "./api.js";
import { bar, fill, h, inline } from "./dom.js";
import { STATUS, ago, clock, duration, size, title } from "./format.js";
import { makeObjects, seenIn } from "./objects.js";
import { makePlayer } from "./player.js";
import { poll } from "./poll.js";
import { stageTable } from "./stages.js";
import { makeTimeline } from "./timeline.js";
import { makeTranscript } from "./transcript.js";

const BUSY = 1500;
const NOT_FOR_DOWNLOAD = /^(hls_|storyboard)/;

/**
 * @param {HTMLElement} place
 * @param {string} id
 * @param {{t?: string}} options seconds at which to begin
 * @param {AbortSignal} signal
 */
export function showVideo(place, id, { t = "0" }, signal) {
  document.title = "Video – videodrop";
  const head = h("div.video-head");
  const notice = h("div");
  const models = h("div.models");
  const player = makePlayer(() => getVideo(id, signal), Number(t) || 0, signal);
  const timeline = makeTimeline(player, signal);
  const transcript = makeTranscript(player, signal);
  const objects = makeObjects(player);
  const stages = h("section.panel", { "aria-label": "Processing" });
  const downloads = h("section.panel", { "aria-label": "Downloads" });
  const facts = h("section.panel", { "aria-label": "File" });

  place.append(
    h("a.back", { href: "#/" }, "← Library"),
    notice,
    head,
    models,
    h("div.stage-area", {}, h("div.watch", {}, player.node, timeline.node), transcript.node),
    objects.node,
    stages,
    h("div.columns", {}, downloads, facts),
  );

  const once = new Map();
  /**
   * Fetch the data of an artifact when there is a new one.
   * @template T
   * @param {string} role
   * @param {Video} video
   * @param {(id: string, signal: AbortSignal) => Promise<T>} fetch
   * @param {(found: T, artifact: Artifact) => void} show
   */
  async function follow(role, video, fetch, show) {
    const artifact = video.stages.flatMap((stage) => stage.artifacts).find((one) => one.role === role);
    if (!artifact || once.get(role) === artifact.sha256) return;
    once.set(role, artifact.sha256);
    try {
      show(await fetch(id, signal), artifact);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      once.delete(role);
    }
  }

  async function refresh() {
    const video = await getVideo(id, signal);
    document.title = `${title(video.name)} – videodrop`;
    fill(head, [video.name, video.status, video.progress, ago(video.uploaded_at)], () => heading(video));
    fill(models, demonstrations(video), () => demonstrations(video).map((line) => h("p.info", { role: "note" }, inline(line))));
    player.update(video);
    timeline.update(video);
    objects.update(video);
    transcript.explain(video);
    fill(stages, unsigned(video.stages), () => [h("h2", {}, "Processing"), stageTable(video)]);
    fill(downloads, unsigned(video.stages).map((stage) => stage.artifacts), () => downloadList(video));
    fill(facts, [video.probe, video.key], () => fileFacts(video));
    await Promise.all([
      follow("transcript_json", video, getTranscript, (text) => (transcript.show(text), timeline.speech(text))),
      follow("captions_vtt", video, getCaptions, (vtt, file) => player.captions(vtt, languageOf(video, file.stage))),
      follow("storyboard_vtt", video, getStoryboard, timeline.pictures),
    ]);
    return video.status === "processing" ? BUSY : null;
  }

  poll(refresh, notice, signal);
}

/**
 * Return what the video's demonstration models know: their results are not those of real ones.
 * @param {Video} video
 */
const demonstrations = (video) =>
  video.stages.flatMap((stage) => stage.warnings.filter((one) => one.code === "demo_model").map((one) => `${stage.stage}: ${one.message}`));

/**
 * Return the stages without their signed URLs, which differ each time.
 * @param {Stage[]} stages
 */
const unsigned = (stages) =>
  stages.map((stage) => ({ ...stage, artifacts: stage.artifacts.map(({ name, sha256 }) => name + sha256) }));

/**
 * @param {Video} video
 * @param {string} name
 */
const languageOf = (video, name) => {
  const language = video.stages.find((stage) => stage.stage === name)?.summary.language;
  return typeof language === "string" ? language : null;
};

/** @param {Video} video */
function heading(video) {
  const seen = seenIn(video).length;
  const parts = [
    ago(video.uploaded_at),
    video.duration_s !== null && clock(video.duration_s),
    video.width && `${video.width}×${video.height}`,
    size(video.bytes),
    seen > 0 && `${seen} ${seen === 1 ? "kind of object" : "kinds of objects"}`,
    video.cost.elapsed_s !== null && `done ${duration(video.cost.elapsed_s)} after upload`,
  ];
  return [
    h("div.title-row", {}, h("h1", {}, title(video.name)), h(`span.badge.${video.status}`, {}, STATUS[video.status])),
    h("p.facts", {}, parts.filter(Boolean).join(" · ")),
    video.status === "processing" && bar(video.progress, "All stages"),
  ];
}

/** @param {Video} video */
function downloadList(video) {
  const artifacts = video.stages
    .flatMap((stage) => stage.artifacts)
    .filter((artifact) => !NOT_FOR_DOWNLOAD.test(artifact.role));
  return [
    h("h2", {}, "Downloads"),
    artifacts.length === 0 && h("p.muted", {}, "There are no files yet."),
    h(
      "ul.downloads",
      {},
      artifacts.map((artifact) =>
        h(
          "li",
          {},
          h("a", { href: artifact.download_url, download: true }, artifact.name),
          h("span.muted", {}, `${artifact.media_type} · ${size(artifact.bytes)}`),
        ),
      ),
    ),
  ];
}

/** @param {Video} video */
function fileFacts({ probe, key, bucket, video_id: id, revision }) {
  const shown = probe?.video;
  /** @type {[string, string | null | undefined][]} */
  const rows = [
    ["Key", `s3://${bucket}/${key}`],
    ["Id", `${id}, revision ${revision}`],
    ["Container", probe?.container],
    ["Duration", probe && `${probe.duration_s.toFixed(2)} s`],
    ["Video", shown && `${shown.codec} ${shown.profile ?? ""} · ${shown.width}×${shown.height} · ${+shown.fps.toFixed(3)} fps · ${shown.pix_fmt}${shown.vfr ? " · variable frame rate" : ""}`],
  ];
  for (const { codec, channels, sample_rate: rate, language } of probe?.audio ?? []) {
    rows.push(["Audio", [codec, `${channels} ch`, `${rate / 1000} kHz`, language].filter(Boolean).join(" · ")]);
  }
  return [
    h("h2", {}, "File"),
    h("dl.pairs", {}, rows.filter(([, value]) => value).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
  ];
}
