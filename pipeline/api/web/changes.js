// @ts-check
/** Requests of the API that change something, and those about jobs, versions and replays. */

import { ask } from "./api.js";

/** @param {string} id */
const video = (id) => `videos/${encodeURIComponent(id)}`;

/** @type {(id: string) => Promise<DeletedVideo>} */
export const deleteVideo = async (id) => (await ask(video(id), undefined, "DELETE")).json();

/** @type {(id: string) => Promise<unknown>} */
export const restoreVideo = (id) => ask(`${video(id)}/restore`, undefined, "POST");

/** @type {(id: string, stages: string[]) => Promise<Replay>} */
export const retryVideo = async (id, stages) => (await ask(`${video(id)}/retry`, undefined, "POST", { stages })).json();

/** @type {(id: string, asked: VideoReplay, signal: AbortSignal) => Promise<Replay>} */
export const replayVideo = async (id, asked, signal) => (await ask(`${video(id)}/replays`, signal, "POST", asked)).json();

/** @type {(id: string, signal: AbortSignal) => Promise<Replay>} */
export const getReplay = async (id, signal) => (await ask(`replays/${encodeURIComponent(id)}`, signal)).json();

/** The states of replays that have ended. */
export const OVER = new Set(["finished", "cancelled", "failed"]);

/** @type {(signal: AbortSignal) => Promise<Replay[]>} */
export const listReplays = async (signal) => (await (await ask("replays?limit=20", signal)).json()).replays;

/** @type {(id: string, verb: "pause" | "resume" | "cancel") => Promise<Replay>} */
export const steerReplay = async (id, verb) => (await ask(`replays/${encodeURIComponent(id)}/${verb}`, undefined, "POST")).json();

/** @type {(id: string, signal: AbortSignal) => Promise<Version[]>} */
export const listVersions = async (id, signal) => (await (await ask(`${video(id)}/versions`, signal)).json()).versions;

/** @type {(id: string, stage: string, before: string, after: string, signal: AbortSignal) => Promise<VersionDiff>} */
export const diffVersions = async (id, stage, before, after, signal) =>
  (await ask(`${video(id)}/versions/diff?${new URLSearchParams({ stage, before, after })}`, signal)).json();

/** @type {(id: string, stage: string) => Promise<unknown>} */
export const rollBack = (id, stage) => ask(`${video(id)}/versions/${encodeURIComponent(stage)}/rollback`, undefined, "POST");

/** @type {(id: string, stage: string, fingerprint: string) => Promise<unknown>} */
export const promote = (id, stage, fingerprint) =>
  ask(`${video(id)}/versions/${encodeURIComponent(stage)}/${encodeURIComponent(fingerprint)}/promote`, undefined, "POST");

/** @type {(signal: AbortSignal) => Promise<Jobs>} */
export const getJobs = async (signal) => (await ask("jobs", signal)).json();

/** @type {(queue: {stage: string, lane: string}, verb: "pause" | "resume") => Promise<unknown>} */
export const steerQueue = ({ stage, lane }, verb) => ask(`queues/${encodeURIComponent(stage)}/${lane}/${verb}`, undefined, "POST");
