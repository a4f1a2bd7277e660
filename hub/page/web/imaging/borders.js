// Plain borders around an image, and how to crop them: hub/imaging/borders.py.
import { crop } from "./image.js";

const TOLERANCE = 8; // grey levels by which pixels of a plain row may differ from its median
const PLAIN_SHARE = 0.97; // least share of pixels within the tolerance in a plain row
const SMALLEST_BORDER = 0.1; // as a share of the image's area

// Return the image without its plain borders, the same image where there are none.
export function cropBorders(image) {
  const box = inside(image);
  return box ? crop(image, ...box) : image;
}

// Return left, top, right and bottom of what is inside the borders; null where nothing is to be cut off.
export function inside(image) {
  const across = Math.max(1, Math.floor(image.width / 256)), down = Math.max(1, Math.floor(image.height / 256));
  const { greys, width, height } = sample(image, across, down);
  let box = [0, 0, height, width]; // top, left, bottom, right
  for (;;) {
    let [top, left, bottom, right] = box;
    const rows = longestRun(border(bottom - top, right - left, (y, x) => greys[(top + y) * width + left + x]));
    if (!rows) return null;
    [top, bottom] = [top + rows[0], top + rows[1]];
    const columns = longestRun(border(right - left, bottom - top, (x, y) => greys[(top + y) * width + left + x]));
    if (!columns) return null;
    [left, right] = [left + columns[0], left + columns[1]];
    const next = [top, left, bottom, right];
    const same = next.every((value, i) => value === box[i]);
    box = next;
    if (same) break;
  }
  const [top, left, bottom, right] = box;
  if ((bottom - top) * (right - left) > (1 - SMALLEST_BORDER) * width * height) return null;
  return [left * across, top * down, Math.min(right * across, image.width), Math.min(bottom * down, image.height)];
}

// Return the greys of pixels that are so many steps apart.
function sample(image, across, down) {
  const width = Math.ceil(image.width / across), height = Math.ceil(image.height / down);
  const greys = new Uint8Array(width * height), { data, channels } = image;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * down * image.width + x * across) * channels;
      greys[y * width + x] = channels === 1 ? data[at] : luma(data[at], data[at + 1], data[at + 2]);
    }
  }
  return { greys, width, height };
}

// Return the grey of a colour as Pillow's convert("L") does (ITU-R 601-2).
export const luma = (red, green, blue) => (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16;

// Return whether each line belongs to a border: it is plain and has the grey of the first or last line.
function border(lines, length, at) {
  const found = new Array(lines).fill(false);
  const ends = new Set([plainGrey(0, length, at), plainGrey(lines - 1, length, at)].filter((grey) => grey !== null));
  for (const grey of ends) {
    for (let line = 0; line < lines; line++) {
      // Medians are slow, so only lines that can be plain and of this grey get one.
      if (share(line, length, at, grey, 2 * TOLERANCE) < PLAIN_SHARE) continue;
      const own = plainGrey(line, length, at);
      if (own !== null && Math.abs(own - grey) <= TOLERANCE) found[line] = true;
    }
  }
  return found;
}

function share(line, length, at, grey, tolerance) {
  let near = 0;
  for (let i = 0; i < length; i++) if (Math.abs(at(line, i) - grey) <= tolerance) near++;
  return near / length;
}

// Return the grey of a line that is plain, its median; null for any other.
function plainGrey(line, length, at) {
  const counts = new Uint32Array(256);
  for (let i = 0; i < length; i++) counts[at(line, i)]++;
  const rank = (place) => {
    let value = 0;
    for (let below = counts[0]; below <= place; below += counts[++value]);
    return value;
  };
  const grey = (rank(Math.floor((length - 1) / 2)) + rank(Math.floor(length / 2))) / 2;
  return share(line, length, at, grey, TOLERANCE) >= PLAIN_SHARE ? grey : null;
}

// Return start and stop of the longest run of lines that belong to no border; null if there is none.
function longestRun(borders) {
  let best = null, start = null;
  for (let i = 0; i <= borders.length; i++) {
    if (i < borders.length && !borders[i]) start ??= i;
    else if (start !== null) {
      if (!best || i - start > best[1] - best[0]) best = [start, i];
      start = null;
    }
  }
  return best;
}
