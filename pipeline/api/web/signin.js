// @ts-check
/** The sign-in view, shown when the API needs a token. */

import { getProvider } from "./api.js";
import { h } from "./dom.js";
import { leaveFor } from "./provider.js";
import { signIn } from "./session.js";

/**
 * @param {HTMLElement} place
 * @param {string | null} wrong what went wrong, if that is why
 * @param {() => void} done is called once there is a token to try
 * @param {AbortSignal} signal
 */
export async function showSignIn(place, wrong, done, signal) {
  document.title = "Sign in – videodrop";
  const provider = await getProvider(signal);
  if (signal.aborted) return;
  const form = tokenForm(done);
  place.append(
    h(
      "section.sign-in.panel",
      {},
      h("h1", {}, "Sign in"),
      wrong && h("p.notice.bad", { role: "alert" }, wrong),
      provider
        ? [
            h("button.primary", { type: "button", click: () => leaveFor(provider) }, `Sign in at ${new URL(provider.authorize).host}`),
            h("details", {}, h("summary", {}, "With a token"), form),
          ]
        : [h("p", {}, "This library needs a token. Open the link that carries it, or ask its operator for one."), form],
    ),
  );
  /** @type {HTMLElement | null} */ (place.querySelector("button, input"))?.focus();
}

/** @param {() => void} done */
function tokenForm(done) {
  const token = h("input", { id: "token", type: "password", required: true, autocomplete: "off", spellcheck: "false" });
  const wrong = h("div", { role: "alert" });
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    if (signIn(token.value)) done();
    else wrong.replaceChildren(h("p.notice.bad", {}, "This is not a token: it has 16 characters or more, and no spaces."));
  };
  return h(
    "form",
    { submit },
    h("label", { for: "token" }, "Token"),
    token,
    wrong,
    h("button.primary", { type: "submit" }, "Sign in"),
    h("p.muted", {}, "The token is kept in this tab until you sign out or close the tab."),
  );
}
