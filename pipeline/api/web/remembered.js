// @ts-check
/** The uploads that this browser has begun and not completed, kept over a reload. */

const KEY = "videodrop.uploads";

/** @returns {Remembered[]} */
export function remembered() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]");
  } catch {
    return [];
  }
}

/** @param {Remembered} one */
export const remember = ({ key, name, size, modified, upload_id }) =>
  store([...others(key), { key, name, size, modified, upload_id }]);

/** @param {{key: string}} one */
export const forget = ({ key }) => store(others(key));

/** @param {string} key */
const others = (key) => remembered().filter((one) => one.key !== key);

/** @param {Remembered[]} list */
function store(list) {
  try {
    localStorage.setItem(KEY, JSON.stringify(list));
  } catch {
    // Without storage, an upload cannot go on after a reload.
  }
}
