// @ts-check
/**
 * Sign-in at a provider of tokens: OAuth 2.0's authorization code with PKCE (RFC 6749 and 7636), as
 * for a public client. The code is removed from the address at once.
 */

import { Problem, getProvider } from "./api.js";
import { signIn } from "./session.js";

const PENDING = "videodrop.pending";

/** Return the redirect URI. */
const home = () => location.origin + location.pathname;

/**
 * Redirect to the provider; the current view is restored afterwards.
 * @param {Provider} provider
 */
export async function leaveFor({ authorize, client_id, scope }) {
  const [state, verifier] = [random(), random()];
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  sessionStorage.setItem(PENDING, JSON.stringify({ state, verifier, hash: location.hash }));
  const url = new URL(authorize); // which may have parameters of its own
  const asked = {
    response_type: "code",
    client_id,
    redirect_uri: home(),
    scope,
    state,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  location.assign(url);
}

/** Exchange the code in the address for a token, if there is one. Throws a Problem on failure. */
export async function comeBack() {
  const brought = new URLSearchParams(location.search);
  if (!brought.has("state")) return;
  const pending = JSON.parse(sessionStorage.getItem(PENDING) ?? "{}");
  sessionStorage.removeItem(PENDING);
  history.replaceState(null, "", home() + (pending.hash ?? ""));
  // Another state means that this tab did not send the request (RFC 6749, section 10.12).
  if (brought.get("state") !== pending.state) throw new Problem(0, "This sign-in was not started in this tab. Try again.");
  const code = brought.get("code");
  if (!code) throw new Problem(0, brought.get("error_description") ?? brought.get("error") ?? "You were not signed in.");
  const provider = await getProvider();
  if (!provider) throw new Problem(0, "The sign-in settings could not be read. Try again.");
  const { token, client_id } = provider;
  const form = { grant_type: "authorization_code", code, client_id, redirect_uri: home(), code_verifier: pending.verifier };
  const answer = await fetch(token, { method: "POST", body: new URLSearchParams(form) }).catch(() => null);
  const said = answer?.ok ? await answer.json().catch(() => null) : null;
  if (!signIn(said?.access_token ?? "")) throw new Problem(0, "The provider did not return a valid token. Try again.");
}

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/**
 * Encode bytes by RFC 4648, section 5, without padding.
 * @param {Uint8Array} bytes
 */
const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
