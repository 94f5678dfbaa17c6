// @ts-check
/** Names of languages. */

/**
 * Return the name of a language in English.
 * @param {string | null} code
 */
export function language(code) {
  try {
    return code && new Intl.DisplayNames("en", { type: "language" }).of(code);
  } catch {
    return code;
  }
}
