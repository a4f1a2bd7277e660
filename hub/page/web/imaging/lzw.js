// LZW of TIFF (TIFF 6.0, section 13), into as many bytes as there may be.
import { damaged } from "./unreadable.js";

const CLEAR = 256, END = 257, MOST = 4096;

// Return the first `size` bytes that codes stand for, fewer where they end before.
export function unpackLzw(codes, size) {
  const bytes = new Uint8Array(size);
  // The text of a code lies in what was written already: that of the code before, and one byte more.
  const starts = new Uint32Array(MOST), lengths = new Uint32Array(MOST);
  let to = 0, held = 0, bits = 0, width = 9, next = END + 1, start = 0, length = 0;
  for (let from = 0; to < size; ) {
    for (; bits < width && from < codes.length; bits += 8) held = ((held & 0xffff) << 8) | codes[from++];
    if (bits < width) break;
    bits -= width;
    const code = (held >> bits) & ((1 << width) - 1);
    if (code === END) break;
    if (code === CLEAR) {
      [width, next, length] = [9, END + 1, 0];
      continue;
    }
    if (length && next < MOST) {
      [starts[next], lengths[next]] = [start, length + 1];
      next++;
      if (next + 1 >= 1 << width && width < 12) width++;
    }
    if (code >= next) throw damaged();
    const source = code < CLEAR ? to : starts[code];
    [start, length] = [to, code < CLEAR ? 1 : lengths[code]];
    if (code < CLEAR) bytes[to] = code;
    else for (let i = 0; i < length; i++) bytes[to + i] = bytes[source + i]; // they may overlap
    to += length;
  }
  return to < size ? bytes.slice(0, to) : bytes;
}
