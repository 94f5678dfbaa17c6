// Play one address from start to end, and return what happened. Runs in a page that has hls.js.
async ({ address, player, track }) => {
  const PATIENCE_MS = 20_000;
  const video = document.createElement("video");
  const problems = [];
  const levels = new Set();
  let drift = 0; // from the times of the playlist to those in its files

  const attach = () => {
    const hls = new Hls({ autoStartLoad: false });
    hls.on(Hls.Events.ERROR, (_, { type, details, fatal, error }) => {
      // A slow machine stalls, too. After a stall at a gap other errors follow, or no end.
      if (details === Hls.ErrorDetails.BUFFER_STALLED_ERROR && !fatal) return;
      problems.push(`${fatal ? "fatal" : "not fatal"}: ${type}, ${details}: ${error?.message}`);
    });
    hls.on(Hls.Events.MANIFEST_PARSED, () => {
      hls.startLevel = hls.levels.length - 1;
      hls.startLoad();
    });
    hls.on(Hls.Events.AUDIO_TRACKS_UPDATED, () => {
      hls.audioTrack = track;
    });
    // The first segment is of the largest rendition, the others are of the smallest.
    hls.on(Hls.Events.FRAG_BUFFERED, (_, { frag }) => {
      if (frag.type !== "main") return;
      levels.add(frag.level);
      hls.autoLevelCapping = 0;
    });
    // Later parts are sought by these times.
    hls.on(Hls.Events.LEVEL_PTS_UPDATED, (_, found) => {
      drift = Math.max(drift, Math.abs(found.drift));
    });
    hls.loadSource(address);
    hls.attachMedia(video);
    return hls;
  };

  const until = async (what, holds) => {
    const latest = performance.now() + PATIENCE_MS;
    while (!problems.length && !holds()) {
      if (performance.now() > latest) problems.push(`${what}: not within ${PATIENCE_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const spans = () =>
    Array.from(video.buffered, (_, n) => [video.buffered.start(n), video.buffered.end(n)]);
  const isBuffered = () => (spans().at(-1)?.[1] ?? 0) >= video.duration - 0.1;

  video.muted = true;
  video.preload = "auto";
  video.addEventListener("error", () => problems.push(video.error.message));
  document.body.replaceChildren(video);
  const hls = player === "hls.js" ? attach() : null;
  if (!hls) video.src = address;

  await until("can play through", () => video.readyState === HTMLMediaElement.HAVE_ENOUGH_DATA);
  // So that a slow machine waits here, and what stops later is in the media. Chromium's own player
  // of HLS reads no more than it needs soon.
  if (player !== "chromium") await until("is buffered", isBuffered);
  video.playbackRate = 8;
  if (!problems.length) await video.play();
  await until("ended", () => video.ended);
  const report = {
    problems,
    buffered: spans(),
    duration: video.duration,
    time: video.currentTime,
    size: [video.videoWidth, video.videoHeight],
    frames: video.getVideoPlaybackQuality().totalVideoFrames,
    soundBytes: video.webkitAudioDecodedByteCount,
    levels: levels.size,
    drift,
    track: hls?.audioTrack,
  };
  hls?.destroy();
  video.removeAttribute("src");
  video.load();
  return report;
};
