/**
 * The bearer token, where the API needs one: kept in this tab until that is closed. Only api.js
 * sends it, and it is never part of an address.
 */

const KEY = "videodrop.token";

/** Return the authorization header; no header without a token. */
export function credentials() {
  const token = sessionStorage.getItem(KEY);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

export const isSignedIn = () => sessionStorage.getItem(KEY) !== null;

/** Store a token; return false unless it is a JSON Web Token (RFC 7519, compact form). */
export function signIn(text) {
  const token = text.trim().replace(/^Bearer\s+/i, "");
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return false;
  sessionStorage.setItem(KEY, token);
  return true;
}

export const signOut = () => sessionStorage.removeItem(KEY);
