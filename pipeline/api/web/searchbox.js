// @ts-check
/** The search box on every page. */

/**
 * Make the search box work.
 * @param {HTMLFormElement} form
 */
export function makeSearchBox(form) {
  const input = /** @type {HTMLInputElement} */ (form.elements.namedItem("q"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const query = new URLSearchParams(location.hash.startsWith("#/search") ? location.hash.split("?")[1] : "");
    query.set("q", input.value.trim());
    if (!input.value.trim()) query.delete("q");
    location.hash = query.size ? `#/search?${query}` : "#/";
  });
  return {
    /** @param {string} text */
    show(text) {
      if (document.activeElement !== input || !text) input.value = text;
    },
  };
}
