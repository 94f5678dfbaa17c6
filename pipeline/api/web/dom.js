// @ts-check
/**
 * Builders of elements. Text always becomes text nodes, so that names, labels and words of a video
 * cannot become markup.
 */

/**
 * @template {string} T
 * @param {T} tag element name, with classes after dots: "p.muted"
 * @param {Record<string, Attribute>} [given] attributes; functions become listeners, booleans toggle, `style` is a map
 * @param {...Child} children
 * @returns {Made<T>}
 */
export function h(tag, given = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = /** @type {HTMLElement} */ (document.createElement(name));
  element.classList.add(...classes);
  for (const [key, value] of Object.entries(given)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (typeof value === "object") for (const [k, v] of Object.entries(value ?? {})) element.style.setProperty(k, String(v));
    else if (typeof value === "boolean") element.toggleAttribute(key, value);
    else if (value !== undefined) element.setAttribute(key, String(value));
  }
  element.append(.../** @type {(Node | string)[]} */ (flat(children).filter((child) => child || child === 0)));
  return /** @type {Made<T>} */ (element);
}

/** @type {(children: Child[]) => Child[]} */
const flat = (children) => /** @type {any[]} */ (children).flat(Infinity);

/**
 * Convert text with `code` in backticks, as in messages.
 * @param {string} text
 */
export function inline(text) {
  return text.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));
}

/**
 * Replace the children of `element` if `state` differs from the last time.
 * @param {HTMLElement} element
 * @param {unknown} state
 * @param {() => Child} build
 */
export function fill(element, state, build) {
  const key = JSON.stringify(state ?? null);
  if (element.dataset.state === key) return;
  element.dataset.state = key;
  element.replaceChildren(.../** @type {(Node | string)[]} */ (flat([build()]).filter(Boolean)));
}

/**
 * Return a progress bar; `percent` is 0 to 100.
 * @param {number} percent 0 to 100
 * @param {string} label
 */
export function bar(percent, label) {
  return h(
    "div.progress",
    { role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.round(percent) },
    h("div.progress-fill", { style: { width: `${percent}%` } }),
  );
}
