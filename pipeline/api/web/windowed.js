// @ts-check
/**
 * Long lists of which only what is in view is in the document. Rows have any height: one that was never
 * shown is estimated. A row may have several items, as in a grid.
 */

const BEYOND = 400; // CSS pixels above and below the view that are kept in the document

/**
 * @param {object} parts
 * @param {HTMLElement} parts.content holds the items
 * @param {HTMLElement | null} parts.scroller the element that scrolls; null for the page
 * @param {(index: number) => HTMLElement} parts.build returns the element of an item
 * @param {(index: number) => number} parts.estimate returns the height of the row that begins with an item
 * @param {() => number} [parts.perRow] returns the number of items in a row
 * @param {() => void} [parts.drawn] called when other items are in the document
 * @param {AbortSignal} parts.signal
 */
export function makeWindowed({ content, scroller, build, estimate, perRow = () => 1, drawn = () => {}, signal }) {
  let count = 0;
  let columns = 1;
  let tops = new Float64Array(1); // where each row begins, and the end
  let heights = new Float64Array(0);
  let from = 0; // items in the document
  let to = 0;
  let waiting = 0;

  const rows = () => Math.ceil(count / columns);

  /** @param {number} first row from which heights have changed */
  function add(first) {
    for (let row = first; row < rows(); row++) tops[row + 1] = tops[row] + heights[row];
  }

  /** Return the row at a height, by binary search. */
  const rowAt = (/** @type {number} */ y) => {
    let [low, high] = [0, rows() - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (tops[middle] <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  };

  /** Return top and height of the view, from the top of the content. */
  function view() {
    if (scroller) return { top: scroller.scrollTop, height: scroller.clientHeight };
    return { top: -content.getBoundingClientRect().top, height: innerHeight };
  }

  function layOut() {
    columns = Math.max(1, perRow());
    heights = Float64Array.from({ length: rows() }, (_, row) => estimate(row * columns));
    tops = new Float64Array(rows() + 1);
    add(0);
  }

  /** Put into the document what is in view, and measure it. */
  function draw() {
    waiting = 0;
    if (signal.aborted) return;
    if (Math.max(1, perRow()) !== columns) layOut();
    const { top, height } = view();
    const first = rowAt(Math.max(0, top - BEYOND)) * columns;
    const last = count && Math.min(count, (rowAt(top + height + BEYOND) + 1) * columns);
    place(first, last);
    if (measure(top)) ask();
    drawn();
  }

  /**
   * @param {number} first
   * @param {number} last
   */
  function place(first, last) {
    const wanted = Array.from({ length: last - first }, (_, at) => build(first + at));
    const kept = new Set(wanted);
    for (const one of [...content.children]) if (!kept.has(/** @type {HTMLElement} */ (one))) one.remove();
    wanted.forEach((one, at) => {
      if (content.children[at] !== one) content.insertBefore(one, content.children[at] ?? null);
    });
    [from, to] = [first, last];
    content.style.paddingTop = `${tops[first / columns] ?? 0}px`;
    content.style.paddingBottom = `${tops[rows()] - (tops[Math.ceil(last / columns)] ?? 0)}px`;
  }

  /**
   * Take the heights of the rows in the document; return whether they differ from what was known.
   * @param {number} top of the view
   */
  function measure(top) {
    const gap = parseFloat(getComputedStyle(content).rowGap) || 0;
    let [above, changed] = [0, -1];
    for (let row = from / columns; row * columns < to; row++) {
      let tallest = 0;
      for (let item = row * columns; item < Math.min(to, (row + 1) * columns); item++) {
        tallest = Math.max(tallest, /** @type {HTMLElement} */ (content.children[item - from]).offsetHeight);
      }
      const height = tallest + gap;
      if (!tallest || Math.abs(height - heights[row]) < 0.5) continue;
      if (tops[row] + heights[row] <= top) above += height - heights[row];
      heights[row] = height;
      if (changed < 0) changed = row;
    }
    if (changed < 0) return false;
    add(changed);
    content.style.paddingTop = `${tops[from / columns]}px`;
    content.style.paddingBottom = `${tops[rows()] - tops[Math.ceil(to / columns)]}px`;
    // What is in view stays where it is.
    if (above) (scroller ?? document.documentElement).scrollTop += above;
    return true;
  }

  const ask = () => (waiting ||= requestAnimationFrame(draw));
  (scroller ?? window).addEventListener("scroll", ask, { passive: true, signal });
  const observer = new ResizeObserver(ask);
  observer.observe(scroller ?? content);
  signal.addEventListener("abort", () => (observer.disconnect(), cancelAnimationFrame(waiting)));

  return {
    draw,
    /** Return the item at the top of the view, and how much of its row is above it. */
    place() {
      const { top } = view();
      const row = rowAt(Math.max(0, top));
      return { item: row * columns, above: top - (tops[row] ?? 0) };
    },
    /**
     * Scroll to a place.
     * @param {{item: number, above: number}} place
     */
    restore({ item, above }) {
      scrollTo(0, scrollY + (tops[Math.floor(item / columns)] ?? 0) + above - view().top);
      draw();
    },
    /** Return whether the end is less than two views away. */
    nearEnd: () => view().top + 3 * view().height > tops[rows()],
    /**
     * Show another number of items, or other ones.
     * @param {number} items
     * @param {boolean} [alike] whether rows are about as high as those that were at their place
     */
    show(items, alike = false) {
      const known = alike ? heights.slice(0, Math.floor(count / columns)) : new Float64Array(0);
      count = items;
      layOut();
      heights.set(known.subarray(0, heights.length));
      add(0);
      draw();
    },
    /**
     * Scroll so that an item is in view, a third from the top, unless it is there already.
     * @param {number} item
     */
    reveal(item) {
      const row = Math.floor(item / columns);
      const { top, height } = view();
      if (tops[row] >= top && tops[row + 1] <= top + height) return;
      const to = tops[row] - height / 3;
      if (scroller) scroller.scrollTop = to;
      else scrollTo(0, scrollY + to - top);
      draw();
    },
  };
}
