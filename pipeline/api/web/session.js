// @ts-check
/**
 * Who asks, where the API wants to know: a bearer token. One that was typed in, or that a provider
 * gave, is kept in this tab alone and until that is closed. One that came with a link is kept until
 * the sign-out. Only api.js and docs.js send it, and it stays in no address.
 */

const KEY = "videodrop.token";

/** Return the token; null without one. */
const token = () => sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY);

/**
 * Return the authorization header; no header without a token.
 * @returns {Record<string, string>}
 */
export const credentials = () => (isSignedIn() ? { Authorization: `Bearer ${token()}` } : {});

export const isSignedIn = () => token() !== null;

/**
 * Store a token; return false unless it has the form of one (RFC 6750, section 2.1).
 * @param {string} text
 * @param {Storage} [place]
 */
export function signIn(text, place = sessionStorage) {
  const given = text.trim().replace(/^Bearer\s+/i, "");
  if (!/^[\w.~+/-]{16,}=*$/.test(given)) return false;
  signOut();
  place.setItem(KEY, given);
  return true;
}

/** Take the token of a link, `#token=…`, and remove it from the address. */
export function takeToken() {
  const found = location.hash.match(/^#token=([^/]*)(.*)$/);
  if (!found) return;
  signIn(decodeURIComponent(found[1]), localStorage);
  history.replaceState(null, "", `${location.pathname}${location.search}#${found[2] || "/"}`);
}

export function signOut() {
  sessionStorage.removeItem(KEY);
  localStorage.removeItem(KEY);
}
