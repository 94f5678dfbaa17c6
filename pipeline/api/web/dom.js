/**
 * Builders of elements. Text always becomes text nodes, so that names, labels and words of a video
 * cannot become markup.
 */

/**
 * @param {string} tag element name, with classes after dots: "p.muted"
 * @param {Object} [given] attributes; functions become listeners, booleans toggle, `style` is a map
 * @param {...(Node|string|number|null|undefined|false|Array)} children
 * @returns {HTMLElement}
 */
export function h(tag, given = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  element.classList.add(...classes);
  for (const [key, value] of Object.entries(given)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (key === "style") for (const [k, v] of Object.entries(value)) element.style.setProperty(k, v);
    else if (typeof value === "boolean") element.toggleAttribute(key, value);
    else if (value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child || child === 0));
  return element;
}

/** Convert text with `code` in backticks, as in messages. */
export function inline(text) {
  return text.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));
}

/** Replace the children of `element` if `state` differs from the last time. */
export function fill(element, state, build) {
  const key = JSON.stringify(state ?? null);
  if (element.dataset.state === key) return;
  element.dataset.state = key;
  element.replaceChildren(...[build()].flat(Infinity).filter(Boolean));
}

/** Return a progress bar; `percent` is 0 to 100. */
export function bar(percent, label) {
  return h(
    "div.progress",
    { role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.round(percent) },
    h("div.progress-fill", { style: { width: `${percent}%` } }),
  );
}
