// @ts-check
/** Where objects are at a time: detections of sampled frames, and between them the line from one to the next. */

const STEP = 0.5; // seconds between frames where they do not tell
const MANY = 400; // tracks, among which looking for the same object takes long
const FARTHEST = 2; // times its size that an object moves from one frame to the next

/**
 * @typedef {{time: number, box: number[], confidence: number}} Sight
 * @typedef {{label: string, sights: Sight[]}} Followed
 */

/**
 * Return the tracks of a run of frames, and the seconds between these.
 * @param {DetectedFrame[]} frames in order of time
 */
export function tracksOf(frames) {
  const tracks = /** @type {Map<string, Followed>} */ (new Map());
  let step = Infinity;
  frames.forEach(({ time, objects }, at) => {
    if (at) step = Math.min(step, time - frames[at - 1].time);
    objects.forEach(({ label, confidence, box, track }, index) => {
      // Without a track it is not known which object of the next frame is the same.
      const key = track === null || track === undefined ? `${time} ${index}` : `${track} ${label}`;
      const known = tracks.get(key) ?? { label, sights: [] };
      known.sights.push({ time, box, confidence });
      tracks.set(key, known);
    });
  });
  const found = { tracks: [...tracks.values()], step: Number.isFinite(step) && step > 0 ? step : STEP };
  return { ...found, tracks: joined(found) };
}

/**
 * Join tracks where one of a label ends and the only other one begins in the next frame, not far away: an
 * object that turns is given another number.
 * @param {{tracks: Followed[], step: number}} found
 */
function joined({ tracks, step }) {
  if (tracks.length > MANY) return tracks;
  const kept = /** @type {Followed[]} */ ([]);
  for (const track of tracks) {
    const first = track.sights[0];
    const before = kept.filter(({ label, sights }) => label === track.label && isNext(/** @type {Sight} */ (sights.at(-1)), first, step));
    const rivals = tracks.filter(({ label, sights }) => label === track.label && sights[0].time === first.time);
    if (before.length === 1 && rivals.length === 1) before[0].sights.push(...track.sights);
    else kept.push(track);
  }
  return kept;
}

/**
 * Return whether a sight may be the same object's as the one before it.
 * @param {Sight} one
 * @param {Sight} next
 * @param {number} step
 */
function isNext({ time, box }, next, step) {
  const size = Math.max(box[2] - box[0], box[3] - box[1]);
  const moved = Math.max(Math.abs(next.box[0] - box[0]), Math.abs(next.box[1] - box[1]));
  return next.time > time && next.time - time <= 1.5 * step && moved <= FARTHEST * size;
}

/**
 * Return the boxes at a time. An object that is seen in two frames which are near each other moves in a
 * line between them; one that appears or leaves is shown for half a step more.
 * @param {ReturnType<typeof tracksOf>} known
 * @param {number} time
 * @returns {{label: string, box: number[], confidence: number}[]}
 */
export function boxesAt({ tracks, step }, time) {
  const found = [];
  for (const { label, sights } of tracks) {
    const after = sights.findIndex((one) => one.time > time);
    const before = sights[after < 0 ? sights.length - 1 : after - 1];
    const next = after < 0 ? undefined : sights[after];
    if (before && next && next.time - before.time <= 2.5 * step) {
      const part = (time - before.time) / (next.time - before.time);
      found.push({ label, confidence: before.confidence, box: before.box.map((value, side) => value + (next.box[side] - value) * part) });
    } else if (before && time - before.time <= step / 2) {
      found.push({ label, confidence: before.confidence, box: before.box });
    } else if (next && next.time - time <= step / 2) {
      found.push({ label, confidence: next.confidence, box: next.box });
    }
  }
  return found;
}
