// @ts-check
/** The words of a transcript, found by time or by text. Hours of speech have a hundred thousand. */

const PAUSE = 0.35; // seconds between words that are a gap
const LINGER = 0.25; // seconds for which a word stays the current one

/**
 * @typedef {Transcript["segments"][number]} Segment
 * @typedef {{segment: number, words: number[]}} Hit
 */

/** @param {Segment[]} segments */
export function makeSpeech(segments) {
  const words = segments.flatMap((segment) => (segment.words.length ? segment.words : [segment]));
  const starts = Float64Array.from(words, (word) => word.start);
  const owners = new Int32Array(words.length); // the segment of each word
  const firsts = new Int32Array(segments.length + 1); // the first word of each segment
  const texts = /** @type {(string | undefined)[]} */ ([]); // of segments that were searched
  segments.forEach((segment, index) => {
    firsts[index + 1] = firsts[index] + Math.max(1, segment.words.length);
    owners.fill(index, firsts[index], firsts[index + 1]);
  });

  /** @param {number} segment */
  const wordsOf = (segment) => words.slice(firsts[segment], firsts[segment + 1]).map((word, at) => ({ ...word, index: firsts[segment] + at }));

  /** @param {number} segment */
  const textOf = (segment) => (texts[segment] ??= words.slice(firsts[segment], firsts[segment + 1]).map((word) => word.text).join("").toLocaleLowerCase());

  return {
    segments,
    starts,
    owners,
    wordsOf,
    /** @param {number} segment */
    length: (segment) => segments[segment].text.length,
    /**
     * Return the word that is said at `time`, by binary search; -1 for none.
     * @param {number} time
     */
    wordAt(time) {
      let [low, high] = [0, starts.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (starts[middle] <= time) low = middle + 1;
        else high = middle;
      }
      return low && time < words[low - 1].end + LINGER ? low - 1 : -1;
    },
    /**
     * Return where the text is said, with all words that it is part of.
     * @param {string} query in lower case
     * @returns {Hit[]}
     */
    find(query) {
      const found = /** @type {Hit[]} */ ([]);
      segments.forEach((_, segment) => {
        const text = textOf(segment);
        for (let at = text.indexOf(query); at >= 0; at = text.indexOf(query, at + query.length)) {
          found.push({ segment, words: covered(segment, at, at + query.length) });
        }
      });
      return found;
    },
    /** Return the times in which somebody speaks, with the gaps between words. */
    intervals() {
      const found = /** @type {[number, number][]} */ ([]);
      for (const { start, end } of words) {
        const last = found.at(-1);
        if (last && start - last[1] < PAUSE) last[1] = Math.max(last[1], end);
        else found.push([start, end]);
      }
      return found;
    },
  };

  /**
   * @param {number} segment
   * @param {number} start of the text in the segment's
   * @param {number} end
   */
  function covered(segment, start, end) {
    const found = [];
    let from = 0;
    for (let index = firsts[segment]; index < firsts[segment + 1]; index++) {
      const to = from + words[index].text.length;
      if (start < to && end > from) found.push(index);
      from = to;
    }
    return found;
  }
}
