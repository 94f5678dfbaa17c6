/** What stands in place of a view when the API wants to know who asks. */

import { h } from "./dom.js";
import { signIn } from "./session.js";

/**
 * @param {HTMLElement} place
 * @param {boolean} refused whether a token was sent, and not taken
 * @param {() => void} done is called once there is a token to try
 */
export function showSignIn(place, refused, done) {
  document.title = "Sign in – videodrop";
  const wrong = h("div", { role: "alert" }, refused && complaint("The API does not take this token any more, or is not the one it was made for."));
  const token = h("input", { id: "token", type: "password", required: true, autocomplete: "off", spellcheck: "false" });
  const submit = (event) => {
    event.preventDefault();
    if (signIn(token.value)) done();
    else wrong.replaceChildren(complaint("That is no token: one has three parts of letters and digits, with dots between."));
  };
  place.append(
    h(
      "form.sign-in.panel",
      { submit },
      h("h1", {}, "Sign in"),
      h("p", {}, "This library is open to those who have a token. Who runs it says where to get one."),
      wrong,
      h("label", { for: "token" }, "Token"),
      token,
      h("button.primary", { type: "submit" }, "Sign in"),
      h("p.muted", {}, "This tab keeps it until you sign out or close it."),
    ),
  );
  token.focus();
}

const complaint = (text) => h("p.notice.bad", {}, text);
