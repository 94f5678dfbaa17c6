/** Types of the API's answers, as far as the page reads them, and of what the page's parts share. */

/** What `h` takes as a child; falsy ones but 0 are left out. */
type Child = Node | string | number | boolean | null | undefined | Child[];

/** What `h` takes as an attribute; functions become listeners, `style` is a map of properties. */
type Attribute = string | number | boolean | null | undefined | Record<string, string | number> | ((event: any) => unknown);

/** The element that `h` makes of "name.class". */
type Made<T extends string> = T extends `${infer N}.${string}` ? Named<N> : Named<T>;
type Named<N extends string> = N extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[N] : HTMLElement;

interface Artifact {
  stage: string;
  role: string;
  name: string;
  media_type: string;
  bytes: number;
  sha256: string;
  url: string;
  download_url: string;
}

interface Notice {
  code: string;
  message: string;
  level: "warning" | "info";
}

interface StageError {
  code: string;
  message: string;
  class: string;
}

interface Cost {
  seconds: number;
  cpu_seconds: number;
  bytes_out: number;
}

/** A label with the intervals in which it is seen; start and end in seconds. */
interface Seen {
  label: string;
  tracks?: number;
  best_confidence?: number;
  intervals: [number, number][];
}

interface Stage {
  stage: string;
  state: string;
  progress: number;
  parts: { ended: number; total: number; at_work: number | null } | null;
  attempt: number;
  error: StageError | null;
  warnings: Notice[];
  summary: { labels?: Record<string, Partial<Seen>>; language?: unknown };
  cost: Cost | null;
  models: Record<string, unknown>;
  params: Record<string, unknown>;
  given: Record<string, unknown>;
  stands_since: string | null;
  fingerprint: string | null;
  artifacts: Artifact[];
}

interface Probe {
  container: string;
  duration_s: number;
  video: {
    codec: string;
    profile: string | null;
    width: number;
    height: number;
    fps: number;
    pix_fmt: string;
    vfr: boolean;
  } | null;
  audio: { codec: string; channels: number; sample_rate: number; language: string | null; title: string | null }[];
  subtitles: { codec: string; language: string | null; title: string | null }[];
}

/** A video in the library. */
interface Card {
  video_id: string;
  name: string;
  status: Status;
  uploaded_at: string;
  bytes: number;
  duration_s: number | null;
  width: number | null;
  height: number | null;
  poster: string | null;
  labels: string[];
  storyboard: boolean;
  stages: { stage: string; state: string; progress: number; error: StageError | null; stands_since: string | null }[];
}

type Status = "processing" | "ready" | "ready_with_warnings" | "partial" | "failed" | "deleted";

/** Captions that were uploaded beside a video; flags are words in their name, such as "forced". */
interface UploadedCaptions {
  name: string;
  language: string | null;
  flags: string[];
}

/** Everything about one video. */
interface Video {
  video_id: string;
  name: string;
  key: string;
  bucket: string;
  revision: string;
  status: Status;
  progress: number;
  playable: boolean;
  uploaded_at: string;
  bytes: number;
  duration_s: number | null;
  width: number | null;
  height: number | null;
  probe: Probe | null;
  cost: Cost & { elapsed_s: number | null };
  stages: Stage[];
  captions: UploadedCaptions[];
  original_url: string | null;
  restorable_days: number | null;
  links: Record<string, string>;
}

interface Timed {
  text: string;
  start: number;
  end: number;
  probability: number;
}

interface Transcript {
  language: string | null;
  task: string;
  model: { name: string } | null;
  segments: (Timed & { words: Timed[] })[];
}

/** Subtitles of the file. */
interface Subtitles {
  number: number;
  name: string;
  language: string | null;
  vtt: Blob;
}

/** A chapter; start and end in seconds. */
interface Chapter {
  start: number;
  end: number;
  title: string;
}

/** A picture of the storyboard: a rectangle of a sheet. */
interface Tile {
  start: number;
  end: number;
  url: string;
  x: number;
  y: number;
  w: number;
  h: number;
}

/** What `POST uploads` takes. */
interface NewUpload {
  name: string;
  size: number;
  idempotency_key: string;
  beside?: string;
  etag?: string;
}

/** An upload, with addresses of the next parts. */
interface UploadView {
  upload_id: string;
  state: "open" | "completed";
  already_there: boolean;
  video_id: string;
  size: number;
  part_size: number;
  arrived: number[];
  parts: { number: number; start: number; size: number; url: string }[];
}

/** A file and its path in what was dropped. */
interface Found {
  file: File;
  path: string;
}

/** What is kept of an upload over a reload. */
interface Remembered {
  key: string;
  name: string;
  size: number;
  modified: number;
  upload_id: string | null;
}

/** A file on its way; `file` is null after a reload, until it is chosen again. */
interface Transfer extends Remembered {
  path: string;
  file: File | null;
  state: "waiting" | "sending" | "paused" | "lost" | "done" | "failed" | "cancelled";
  sent: number;
  video_id: string | null;
  there: boolean;
  beside: Transfer | null;
  error: string | null;
  retryable: boolean;
  stop: AbortController | null;
}

/** Words around a moment; marks count code points. */
interface Snippet {
  text: string;
  marks: { start: number; end: number }[];
}

/** A moment in a video; start and end in seconds. */
interface Moment {
  video_id: string;
  name: string;
  uploaded_at: string;
  status: Status;
  duration_s: number | null;
  language: string | null;
  start: number;
  end: number;
  snippet: Snippet | null;
  more: number;
  poster: string | null;
  links: Record<string, string>;
}

/** Numbers of videos that match; complete is false if there are more. */
interface Facets {
  labels: { value: string; videos: number }[];
  languages: { value: string; videos: number }[];
  videos: number;
  moments: number;
  complete: boolean;
}

interface MomentPage {
  moments: Moment[];
  facets: Facets;
  next_cursor: string | null;
}

/** Where people get tokens. */
interface Provider {
  authorize: string;
  token: string;
  client_id: string;
  scope: string;
}

interface Window {
  trustedTypes?: {
    createPolicy(name: string, rules: { createHTML: (text: string) => string | null }): unknown;
  };
}

interface Player {
  node: HTMLElement;
  switches: HTMLElement;
  seek(time: number, play?: boolean): void;
  watch(watch: (time: number) => void): void;
  update(video: Video): void;
  captions(name: string, vtt: Blob, options: { label: string; language: string | null; shown: boolean }): void;
  subtitles(tracks: Subtitles[]): void;
}

/** How to reprocess a video. */
interface VideoReplay {
  stages?: string[];
  params?: Record<string, Record<string, unknown>>;
  reset?: boolean;
  dry_run?: boolean;
}

interface Estimate {
  seconds: number;
  usd: number;
}

/** The plan of one stage: a number of videos for each verdict. */
interface StagePlan {
  stage: string;
  run: number;
  reuse: number;
  current: number;
  left_out: number;
  in_progress: number;
  not_selected: number;
  failed_permanently: number;
  blocked: number;
  because: Record<string, number>;
  estimate: Estimate;
  measured: number;
}

interface Plan {
  complete: boolean;
  videos: number;
  runs: number;
  estimate: Estimate;
  prices: string;
  stages: StagePlan[];
}

interface Replay {
  replay_id: string;
  state: string;
  reason: string | null;
  plan: Plan;
  progress: { percent: number; asked: number; succeeded: number; reused: number; failed: number; superseded: number; lost: number };
  links: Record<string, string>;
}

/** A stored result of a stage. */
interface Version {
  stage: string;
  fingerprint: string;
  current: boolean;
  rollback_target: boolean;
  models: Record<string, string>;
  params: Record<string, unknown>;
  code_version: string;
  finished_at: string;
  cost: Cost;
  bytes: number;
  warnings: Notice[];
}

interface Change {
  before: unknown;
  after: unknown;
}

interface Amount {
  before: number;
  after: number;
}

interface VersionDiff {
  params: Record<string, Change>;
  models: Record<string, Change>;
  code_version: Change | null;
  warnings_gained: Notice[];
  warnings_lost: Notice[];
  seconds: Amount;
  bytes: Amount;
  transcript: { wer: number | null; changes: { time: number; before: string; after: string }[] } | null;
  labels: { gained: string[]; lost: string[] } | null;
}

interface DeletedVideo {
  video_id: string;
  name: string;
  files: number;
  restorable_until: string | null;
}

/** A stage of a video that runs, waits or failed. */
interface Job {
  video_id: string;
  name: string;
  lane: "live" | "replay";
  replay_id: string | null;
  since: string | null;
  run: Pick<Stage, "stage" | "state" | "progress" | "parts" | "error" | "stands_since">;
}

interface Queue {
  stage: string;
  lane: "live" | "replay";
  waiting: number;
  at_work: number;
  paused: boolean;
  held_back: boolean;
}

interface Jobs {
  running: Job[];
  waiting: Job[];
  failed: Job[];
  queues: Queue[];
  dead_lettered: Record<string, number>;
  complete: boolean;
}

/** The objects in a sampled frame; boxes are left, top, right, bottom in pixels of the source. */
interface DetectedFrame {
  time: number;
  objects: { label: string; confidence: number; box: number[]; track: number | null }[];
}
