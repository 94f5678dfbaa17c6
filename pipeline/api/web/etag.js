// @ts-check
/** The ETag that S3 gives a file: its MD5 (RFC 1321), or that of the MD5s of its parts. */

const PART = 16 * 2 ** 20;
const PIECE = 2 ** 20; // read at a time, so that the page stays responsive

const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const SINES = Int32Array.from({ length: 64 }, (_, at) => Math.floor(Math.abs(Math.sin(at + 1)) * 2 ** 32));

/**
 * Return the ETag of a file.
 * @param {Blob} file
 * @param {AbortSignal} signal
 */
export async function etagOf(file, signal) {
  const digests = [];
  for (let start = 0; start === 0 || start < file.size; start += PART) {
    digests.push(await digestOf(file.slice(start, start + PART), signal));
  }
  if (digests.length === 1) return hex(digests[0]);
  return `${hex(await digestOf(new Blob(digests), signal))}-${digests.length}`;
}

/**
 * Return the MD5 of a blob.
 * @param {Blob} blob
 * @param {AbortSignal} signal
 */
async function digestOf(blob, signal) {
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  let at = 0;
  for (; at + PIECE <= blob.size; at += PIECE) {
    signal.throwIfAborted();
    mix(state, await blob.slice(at, at + PIECE).arrayBuffer());
  }
  const rest = new Uint8Array(await blob.slice(at).arrayBuffer());
  const padded = new Uint8Array(((rest.length + 8) >> 6 << 6) + 64);
  padded.set(rest);
  padded[rest.length] = 0x80;
  new DataView(padded.buffer).setBigUint64(padded.length - 8, BigInt(blob.size) * 8n, true);
  mix(state, padded.buffer);
  return new Uint8Array(state.buffer);
}

/**
 * Mix blocks of 64 bytes into the state.
 * @param {Int32Array} state
 * @param {ArrayBuffer} bytes
 */
function mix(state, bytes) {
  const words = new Int32Array(bytes); // little-endian, as every browser's machine is
  for (let block = 0; block < words.length; block += 16) {
    // Plain variables: destructuring would take several times as long.
    let a = state[0];
    let b = state[1];
    let c = state[2];
    let d = state[3];
    for (let at = 0; at < 64; at++) {
      const round = at >> 4;
      let sum = (a + SINES[at]) | 0;
      if (round === 0) sum += ((b & c) | (~b & d)) + words[block + at];
      else if (round === 1) sum += ((d & b) | (~d & c)) + words[block + ((5 * at + 1) & 15)];
      else if (round === 2) sum += (b ^ c ^ d) + words[block + ((3 * at + 5) & 15)];
      else sum += (c ^ (b | ~d)) + words[block + ((7 * at) & 15)];
      const shift = SHIFTS[(round << 2) | (at & 3)];
      sum |= 0;
      a = d;
      d = c;
      c = b;
      b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
  }
}

/** @param {Uint8Array} bytes */
const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
