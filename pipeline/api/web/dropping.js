// @ts-check
/** Files from a drop or a picker, those in folders too. */

import { h } from "./dom.js";
import { add } from "./transfers.js";

// In a folder, other files are left out. The content decides what a file is; this is a first choice.
const MEDIA =
  /\.(3g2|3gp|aac|aiff?|asf|avi|caf|flac|flv|m2ts|m4[av]|mk[av]|mov|mp[34]|mpe?g|mts|mxf|og[agv]|opus|srt|ts|vob|vtt|wav|webm|wm[av])$/i;

/** Take files that are dropped anywhere on the page. */
export function takeDrops() {
  const veil = h("div.veil", { hidden: true, "aria-hidden": true }, h("p", {}, "Drop videos or folders to upload them"));
  document.body.append(veil);
  let inside = 0;
  /** @param {DragEvent} event */
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    inside += 1;
    veil.hidden = false;
  });
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("dragleave", (event) => hasFiles(event) && (veil.hidden = --inside <= 0));
  addEventListener("drop", async (event) => {
    if (!hasFiles(event) || !event.dataTransfer) return;
    event.preventDefault();
    inside = 0;
    veil.hidden = true;
    add(await dropped(event.dataTransfer));
  });
}

/** Return the buttons that open the pickers of files and of a folder. */
export function pickers() {
  return h("div.pickers", {}, picker("Upload videos", "button.primary", {}), picker("Upload a folder", "button.plain", { webkitdirectory: true }));
}

/**
 * @param {string} text
 * @param {"button.primary" | "button.plain"} kind
 * @param {Record<string, boolean>} more attributes of the input
 */
export function picker(text, kind, more) {
  /** @type {HTMLInputElement} */
  const input = h("input", { type: "file", multiple: true, hidden: true, ...more });
  input.addEventListener("change", () => {
    const chosen = [...(input.files ?? [])].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
    add(more.webkitdirectory ? chosen.filter(isWanted) : chosen);
    input.value = ""; // the same file may be chosen again
  });
  return [h(kind, { type: "button", click: () => input.click() }, text), input];
}

/** @param {DataTransfer} transfer */
async function dropped(transfer) {
  // All at once: the items are gone after this turn.
  const items = [...transfer.items].map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  const found = items.map(async (item) => {
    if (item === null) return [];
    if (item instanceof File) return [{ file: item, path: item.name }];
    return Promise.all((item.isDirectory ? await inside(item) : [item]).map(opened));
  });
  return (await Promise.all(found)).flat();
}

/**
 * @param {FileSystemEntry} entry
 * @returns {Promise<Found>}
 */
const opened = async (entry) => ({
  file: await new Promise((done, fail) => /** @type {FileSystemFileEntry} */ (entry).file(done, fail)),
  path: entry.fullPath.slice(1),
});

/**
 * Return the media below a folder.
 * @param {FileSystemEntry} folder
 * @returns {Promise<FileSystemEntry[]>}
 */
async function inside(folder) {
  const reader = /** @type {FileSystemDirectoryEntry} */ (folder).createReader();
  const entries = [];
  for (;;) {
    // At most a hundred at a time.
    const some = /** @type {FileSystemEntry[]} */ (await new Promise((done, fail) => reader.readEntries(done, fail)));
    if (!some.length) break;
    entries.push(...some);
  }
  const found = entries.map((entry) => {
    if (entry.isDirectory) return entry.name.startsWith(".") ? [] : inside(entry);
    return isWanted({ path: entry.fullPath }) ? [entry] : [];
  });
  return (await Promise.all(found)).flat();
}

/** @param {{path: string}} found */
const isWanted = ({ path }) => MEDIA.test(path) && !path.split("/").some((part) => part.startsWith("."));
