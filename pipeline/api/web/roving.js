// @ts-check
/** Groups of buttons with one tab stop: the arrow keys move within (WAI-ARIA's roving tabindex). */

const STEPS = /** @type {Record<string, number>} */ ({ ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity });

/**
 * Give `group` one tab stop among its buttons. Call it again after they have changed.
 * @template {HTMLElement} T
 * @param {T} group
 */
export function rove(group) {
  const buttons = items(group);
  const current = buttons.find((one) => one.tabIndex === 0 && one.dataset.roving) ?? buttons[0];
  for (const one of buttons) {
    one.dataset.roving = "1";
    one.tabIndex = one === current ? 0 : -1;
  }
  if (group.dataset.roves) return group;
  group.dataset.roves = "1";
  group.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    const all = items(group);
    const at = all.indexOf(/** @type {HTMLButtonElement} */ (event.target));
    if (!step || at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    all[Math.min(all.length - 1, Math.max(0, at + step))].focus();
  });
  group.addEventListener("focusin", (event) => {
    const all = items(group);
    if (all.includes(/** @type {HTMLButtonElement} */ (event.target))) for (const one of all) one.tabIndex = one === event.target ? 0 : -1;
  });
  return group;
}

/**
 * @param {HTMLElement} group
 * @returns {HTMLButtonElement[]}
 */
const items = (group) => [...group.querySelectorAll("button")];
