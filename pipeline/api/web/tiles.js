// @ts-check
/** Pictures of a storyboard: parts of sheets. */

/**
 * Return the picture of a time.
 * @param {Tile[]} tiles
 * @param {number} time
 * @returns {Tile | undefined}
 */
export const tileAt = (tiles, time) => tiles.findLast((tile) => tile.start <= time) ?? tiles[0];

/**
 * Show a picture in `element`, enlarged by `scale`; `frame` gets its size.
 * @param {HTMLElement} element
 * @param {Tile} tile
 * @param {number} scale
 * @param {HTMLElement} [frame]
 */
export function drawTile(element, tile, scale, frame) {
  if (frame) Object.assign(frame.style, { width: `${tile.w * scale}px`, height: `${tile.h * scale}px` });
  Object.assign(element.style, {
    width: `${tile.w}px`,
    height: `${tile.h}px`,
    transform: `scale(${scale})`,
    backgroundImage: `url("${new URL(tile.url, document.baseURI).href}")`,
    backgroundPosition: `-${tile.x}px -${tile.y}px`,
  });
}
