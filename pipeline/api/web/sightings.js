// @ts-check
/**
 * Where objects are at a time: detections of sampled frames, and between them the line from one to the next,
 * but not across a cut.
 */

const STEP = 0.5; // seconds between frames where they do not tell
const MANY = 400; // tracks, among which looking for the same object takes long
const FARTHEST = 2; // times its size that an object moves from one frame to the next
// Where fewer objects than this share have one of their label in the other frame, as near and as large, is a cut.
const STAYING = 0.34;
const NEAR = 1.5; // times its size
const ALIKE = 2.5; // times its area

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
  const cuts = frames.filter((one, at) => at && isCut(frames[at - 1].objects, one.objects)).map(({ time }) => time);
  const found = { tracks: [...tracks.values()].flatMap((one) => parted(one, cuts)), step: Number.isFinite(step) && step > 0 ? step : STEP, cuts, last: frames.at(-1)?.time };
  return { ...found, tracks: joined(found) };
}

/**
 * Return whether there is a cut between two frames: hardly an object of one is in the other.
 * @param {DetectedFrame["objects"]} one
 * @param {DetectedFrame["objects"]} next
 */
function isCut(one, next) {
  if (!one.length || !next.length) return false;
  return staying(one, next) + staying(next, one) < STAYING * (one.length + next.length);
}

/**
 * Return how many of some objects may be among others.
 * @param {DetectedFrame["objects"]} some
 * @param {DetectedFrame["objects"]} others
 */
function staying(some, others) {
  return some.filter(({ label, box }) => others.some((other) => other.label === label && mayBe(box, other.box))).length;
}

/**
 * Return whether two boxes may be of one object.
 * @param {number[]} one
 * @param {number[]} other
 */
function mayBe(one, other) {
  const [width, height] = [one[2] - one[0], one[3] - one[1]];
  const larger = (width * height) / ((other[2] - other[0]) * (other[3] - other[1]));
  const moved = Math.max(Math.abs(one[0] + one[2] - other[0] - other[2]), Math.abs(one[1] + one[3] - other[1] - other[3])) / 2;
  return larger < ALIKE && larger > 1 / ALIKE && moved <= NEAR * Math.max(width, height);
}

/**
 * Part a track where it crosses a cut: the tracker takes an object of the next shot for the same one.
 * @param {Followed} track
 * @param {number[]} cuts times of the frames after them
 */
function parted({ label, sights }, cuts) {
  const parts = /** @type {Followed[]} */ ([]);
  for (const one of sights) {
    const last = parts.at(-1)?.sights.at(-1);
    if (!last || cuts.some((cut) => cut > last.time && cut <= one.time)) parts.push({ label, sights: [] });
    parts[parts.length - 1].sights.push(one);
  }
  return parts;
}

/**
 * Join tracks where one of a label ends and the only other one begins in the next frame, not far away: an
 * object that turns is given another number.
 * @param {{tracks: Followed[], step: number, cuts: number[]}} found
 */
function joined({ tracks, step, cuts }) {
  if (tracks.length > MANY) return tracks;
  const kept = /** @type {Followed[]} */ ([]);
  for (const track of tracks) {
    const first = track.sights[0];
    const before = cuts.includes(first.time) ? [] : kept.filter(({ label, sights }) => label === track.label && isNext(/** @type {Sight} */ (sights.at(-1)), first, step));
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
 * line between them. One that appears or leaves moves on for half a step more; after the last frame for
 * a whole one.
 * @param {ReturnType<typeof tracksOf>} known
 * @param {number} time
 * @returns {{label: string, box: number[], confidence: number}[]}
 */
export function boxesAt({ tracks, step, last }, time) {
  const found = [];
  for (const { label, sights } of tracks) {
    const after = sights.findIndex((one) => one.time > time);
    const at = after < 0 ? sights.length - 1 : after - 1;
    const before = sights[at];
    const next = after < 0 ? undefined : sights[after];
    if (before && next && isNear(before, next, step)) {
      const part = (time - before.time) / (next.time - before.time);
      found.push({ label, confidence: before.confidence, box: before.box.map((value, side) => value + (next.box[side] - value) * part) });
    } else if (before && time - before.time <= (before.time === last ? step : step / 2)) {
      found.push({ label, confidence: before.confidence, box: movedOn(before, sights[at - 1], time, step) });
    } else if (next && next.time - time <= step / 2) {
      found.push({ label, confidence: next.confidence, box: movedOn(next, sights[at + 2], time, step) });
    }
  }
  return found;
}

/**
 * Return whether no other frame that shows the object may be missing between two.
 * @param {Sight} one
 * @param {Sight} other
 * @param {number} step
 */
const isNear = (one, other, step) => Math.abs(one.time - other.time) <= 2.5 * step;

/**
 * Return the box of an object that goes on as it went between two sights; its size stays.
 * @param {Sight} sight the nearest one
 * @param {Sight | undefined} other the one beside it
 * @param {number} time
 * @param {number} step
 */
function movedOn(sight, other, time, step) {
  const { box } = sight;
  if (!other || !isNear(sight, other, step)) return box;
  const part = (time - sight.time) / (sight.time - other.time) / 2;
  return box.map((value, side) => value + (box[side % 2] + box[(side % 2) + 2] - other.box[side % 2] - other.box[(side % 2) + 2]) * part);
}
