// @ts-check
/** One video: player, timeline, transcript, objects, stages and downloads, updated by events. */

import { Problem, getCaptions, getChapters, getStoryboard, getSubtitles, getTranscript, getUploadedCaptions, getVideo } from "./api.js";
import { makeActions } from "./actions.js";
import { makeChapters } from "./chapters.js";
import { bar, fill, h, inline } from "./dom.js";
import { STATUS, ago, clock, duration, size, title } from "./format.js";
import { makeObjects, seenIn } from "./objects.js";
import { takeKeys } from "./keys.js";
import { language } from "./languages.js";
import { Live } from "./live.js";
import { libraryAddress } from "./place.js";
import { makePlayer } from "./player.js";
import { poll } from "./poll.js";
import { stageTable } from "./stages.js";
import { makeTimeline } from "./timeline.js";
import { makeTranscript } from "./transcript.js";

const BUSY = 1500;
const TRANSCRIPT = "/transcript"; // a name that no uploaded file has
const NOT_FOR_DOWNLOAD = /^(hls_|storyboard)/;

/**
 * @param {HTMLElement} place
 * @param {string} id
 * @param {{t?: string}} options seconds at which to begin
 * @param {AbortSignal} signal
 */
export function showVideo(place, id, { t = "0" }, signal) {
  document.title = "Video – videodrop";
  const head = h("div.video-head", {}, h("h1", {}, "Video"));
  const notice = h("div");
  const models = h("div.models");
  const actions = makeActions(id, reload, signal);
  const player = makePlayer(id, () => getVideo(id, signal), Number(t) || 0, signal);
  const timeline = makeTimeline(player, signal);
  const transcript = makeTranscript(player, signal);
  const chapters = makeChapters(player);
  const objects = makeObjects(player);
  const stages = h("section.panel", { "aria-label": "Processing" });
  const downloads = h("section.panel", { "aria-label": "Downloads" });
  const facts = h("section.panel", { "aria-label": "File" });

  place.append(
    h("a.back", { href: libraryAddress() }, "← Library"),
    notice,
    head,
    actions.node,
    models,
    h("div.stage-area", {}, h("div.watch", {}, player.node, player.switches, timeline.node), transcript.node),
    chapters.node,
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

  /**
   * Add the captions to the player's menu. Those to show come first: browsers choose when each is added.
   * @param {Video} video
   */
  async function addCaptions(video) {
    const first = preferred(video);
    /** @type {(UploadedCaptions | null)[]} */
    const all = [null, ...video.captions]; // null: those of the transcript
    all.sort((a, b) => Number((b?.name ?? TRANSCRIPT) === first) - Number((a?.name ?? TRANSCRIPT) === first));
    for (const one of all) {
      if (one) await addUploaded(one, one.name === first);
      else
        await follow("captions_vtt", video, getCaptions, (vtt, file) =>
          player.captions(TRANSCRIPT, vtt, { label: "Captions", language: languageOf(video, file.stage), shown: first === TRANSCRIPT }),
        );
    }
  }

  /**
   * Add captions that were uploaded beside the video, once.
   * @param {UploadedCaptions} captions
   * @param {boolean} shown
   */
  async function addUploaded(captions, shown) {
    const { name } = captions;
    if (once.has(name)) return;
    once.set(name, true);
    try {
      player.captions(name, await getUploadedCaptions(id, name, signal), { label: label(captions), language: captions.language, shown });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.status !== 422) once.delete(name); // 422: the file has no captions
    }
  }

  async function refresh() {
    const video = await getVideo(id, signal);
    document.title = `${title(video.name)} – videodrop`;
    fill(head, [video.name, video.status, video.progress, ago(video.uploaded_at)], () => heading(video));
    fill(models, demonstrations(video), () => demonstrations(video).map((line) => h("p.info", { role: "note" }, inline(line))));
    actions.update(video);
    player.update(video);
    timeline.update(video);
    objects.update(video);
    transcript.explain(video);
    fill(stages, unsigned(video.stages), () => [h("h2", {}, "Processing"), stageTable(video)]);
    fill(downloads, unsigned(video.stages).map((stage) => stage.artifacts), () => downloadList(video));
    fill(facts, [video.probe, video.key], () => fileFacts(video));
    await Promise.all([
      follow("transcript_json", video, getTranscript, (text) => timeline.speech(transcript.show(text))),
      addCaptions(video),
      follow("subtitles_vtt", video, getSubtitles, player.subtitles),
      follow("chapters_json", video, getChapters, chapters.show),
      follow("storyboard_vtt", video, getStoryboard, timeline.pictures),
    ]);
    return video.status === "processing" ? BUSY : null;
  }

  /** Show the video as it is now, and follow what runs. */
  async function reload() {
    try {
      await refresh();
    } catch (error) {
      if (!(error instanceof Problem) && !signal.aborted) throw error;
    }
    live.look();
  }

  const live = new Live(signal, (event) => event.video_id === id && !actions.deletion.running);
  live.watch([id]);
  void poll(refresh, notice, signal, live);
  takeKeys({ "/": transcript.find }, signal);
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

/**
 * Return the name of the captions to show at first: uploaded ones in the spoken language, else those
 * of the transcript.
 * @param {Video} video
 */
function preferred(video) {
  const spoken = video.stages.map((stage) => languageOf(video, stage.stage)).find(Boolean);
  const heard = video.captions.find(
    (one) => !one.flags.includes("forced") && (!one.language || !spoken || language(primary(one.language)) === language(primary(spoken))),
  );
  return heard?.name ?? TRANSCRIPT;
}

/** @param {string} tag */
const primary = (tag) => tag.split("-")[0];

/** @param {UploadedCaptions} captions */
const label = ({ name, language: tag, flags }) => [language(tag) ?? name, ...flags].join(" · ");

/** @param {Video} video */
function heading(video) {
  const seen = seenIn(video).length;
  const parts = [
    ago(video.uploaded_at),
    video.duration_s !== null && clock(video.duration_s),
    video.width && `${video.width}×${video.height}`,
    size(video.bytes),
    seen > 0 && `${seen} ${seen === 1 ? "kind of object" : "kinds of objects"}`,
    video.cost.elapsed_s !== null && `${video.status === "failed" ? "ended" : "done"} ${duration(video.cost.elapsed_s)} after upload`,
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
  for (const { codec, channels, sample_rate: rate, language, title: name } of probe?.audio ?? []) {
    rows.push(["Audio", [codec, `${channels} ch`, `${rate / 1000} kHz`, language, name].filter(Boolean).join(" · ")]);
  }
  for (const { codec, language, title: name } of probe?.subtitles ?? []) {
    rows.push(["Subtitles", [codec, language, name].filter(Boolean).join(" · ")]);
  }
  return [
    h("h2", {}, "File"),
    h("dl.pairs", {}, rows.filter(([, value]) => value).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
  ];
}
