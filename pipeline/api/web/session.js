// @ts-check
/**
 * Who asks, where the API wants to know: a bearer token, kept in this tab alone and until that is
 * closed. Only api.js and docs.js send it, and it is never part of an address.
 */

const KEY = "videodrop.token";

/**
 * Return the authorization header; no header without a token.
 * @returns {Record<string, string>}
 */
export function credentials() {
  const token = sessionStorage.getItem(KEY);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

export const isSignedIn = () => sessionStorage.getItem(KEY) !== null;

/**
 * Store a token; return false unless it is a JSON Web Token (RFC 7519, compact form).
 * @param {string} text
 */
export function signIn(text) {
  const token = text.trim().replace(/^Bearer\s+/i, "");
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return false;
  sessionStorage.setItem(KEY, token);
  return true;
}

export const signOut = () => sessionStorage.removeItem(KEY);
