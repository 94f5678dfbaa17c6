// @ts-check
/** Settings of RapiDoc, which draws the API's documentation from its OpenAPI description. */

import { credentials } from "./session.js";

const COLOURS = {
  light: { theme: "light", "bg-color": "#f5f6f8", "text-color": "#14171c", "primary-color": "#08766f" },
  dark: { theme: "dark", "bg-color": "#0c0e12", "text-color": "#eceff4", "primary-color": "#3fd9bd" },
};

// RapiDoc sets innerHTML to the brackets of a tree that is opened or closed. Text without "<" is
// no markup; anything else is rejected. Its templates have a policy of their own, "lit-html".
window.trustedTypes?.createPolicy("default", {
  createHTML: (text) => (text.includes("<") ? null : text),
});

const api = /** @type {HTMLElement} */ (document.querySelector("rapi-doc"));
api.setAttribute("server-url", new URL(".", document.baseURI).href);
api.addEventListener("before-try", (event) => {
  const { request } = /** @type {CustomEvent<{request: {headers: Headers}}>} */ (event).detail;
  for (const [name, value] of Object.entries(credentials())) request.headers.set(name, value);
});

const dark = matchMedia("(prefers-color-scheme: dark)");
function colour() {
  for (const [name, value] of Object.entries(COLOURS[dark.matches ? "dark" : "light"])) api.setAttribute(name, value);
}
dark.addEventListener("change", colour);
colour();

/** Load the description. RapiDoc fails at an `example` that has null in it, but not at `examples`. */
async function load() {
  const text = await (await fetch("openapi.json")).text();
  const spec = JSON.parse(text, (_, value) => {
    if (!value?.schema || !("example" in value)) return value;
    const { example, ...rest } = value;
    return { ...rest, examples: { Example: { value: example } } };
  });
  await customElements.whenDefined("rapi-doc");
  /** @type {HTMLElement & { loadSpec(spec: object): void }} */ (api).loadSpec(spec);
}
load();
