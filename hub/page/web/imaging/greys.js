// Deep greys and colours, of more than 8 bits, stretched to 8 bits: hub/imaging/greys.py.
import { UnreadableError } from "./unreadable.js";

// Black and white are percentiles, moved apart by a share of their distance: dead and hot pixels must not decide.
export const PERCENTILES = [1, 99];
export const WIDENING = 0.25;
const SAMPLE = 1_000_000; // pixels that are enough for percentiles of values that cannot be counted one by one

// Return the integer that is nearest, the even one of two: Math.round takes the upper one.
export function rint(value) {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}

// Return a share of white as 0 to 255, clipped.
export const shade = (share) => rint(255 * Math.min(Math.max(share, 0), 1));

// Return the values that become black and white. `values` are sorted, `counts` says how many pixels have each.
export function limits(values, counts) {
  let total = 0;
  for (const count of counts) total += count;
  const at = (percentile) => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) {
      sum += counts[i];
      if ((100 * sum) / total >= percentile || i === values.length - 1) return values[i];
    }
  };
  const [low, high] = PERCENTILES.map(at);
  const lowest = values[0], highest = values[values.length - 1];
  if (low === high) return [lowest, highest];
  const margin = WIDENING * (high - low);
  return [Math.max(low - margin, lowest), Math.min(high + margin, highest)];
}

// Return the bytes of memory that `toEight` takes for each pixel; `size` is that of one number.
export const bytesPerPixel = (channels, size) => (channels === 1 ? size + 1 : channels * (2 * size + 2) + 4);

// Return the number of values that an array of integers of at most 16 bits can hold, and the lowest.
function range(pixels) {
  const bits = 8 * pixels.BYTES_PER_ELEMENT;
  const signed = pixels instanceof Int8Array || pixels instanceof Int16Array;
  return { size: 1 << bits, first: signed ? -(1 << (bits - 1)) : 0 };
}

// Return how often each value occurs, from the lowest of the type to the highest.
export function count(pixels) {
  const { size, first } = range(pixels);
  const counts = new Float64Array(size);
  for (let i = 0; i < pixels.length; i++) counts[pixels[i] - first]++;
  return counts;
}

// Return numbers as Uint8Array: 0 up to `low`, 255 from `high`.
export function scale(pixels, low, high) {
  const scaled = new Uint8ClampedArray(pixels.length); // it clips and rounds as `shade` does, and far faster
  if (low < high) for (let i = 0; i < pixels.length; i++) scaled[i] = 255 * ((pixels[i] - low) / (high - low));
  return new Uint8Array(scaled.buffer);
}

// Return numbers as Uint8Array, black and white at their `limits`. Floats from 0 to 1 of which some are above a
// half are shares of white already; bytes stay as they are. `width` and `channels` say how pixels lie, for a sample of
// them.
export function stretch(pixels, width, channels = 1) {
  if (pixels instanceof Uint8Array) return pixels;
  const isFloat = pixels instanceof Float32Array || pixels instanceof Float64Array;
  if (!isFloat && pixels.BYTES_PER_ELEMENT <= 2) return stretchByTable(pixels);
  let lowest = Infinity, highest = -Infinity, finite = true;
  for (let i = 0; i < pixels.length; i++) {
    const value = pixels[i];
    if (!Number.isFinite(value)) finite = false;
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  }
  if (!finite) throw notFinite();
  if (isFloat && lowest >= 0 && highest > 0.5 && highest <= 1) return scale(pixels, 0, 1);
  const step = Math.ceil(Math.sqrt(pixels.length / SAMPLE)), row = width * channels, sample = [lowest, highest];
  for (let y = 0; y * row < pixels.length; y += step) {
    for (let x = 0; x < width; x += step) {
      for (let c = 0; c < channels; c++) sample.push(pixels[y * row + x * channels + c]);
    }
  }
  const sorted = Float64Array.from(sample).sort();
  return scale(pixels, ...limits(sorted, new Uint8Array(sorted.length).fill(1)));
}

const notFinite = () => new UnreadableError("holds values that are not numbers; export it again as 8 or 16 bits.");

function stretchByTable(pixels) {
  const { first } = range(pixels), counts = count(pixels);
  const values = [], present = [];
  for (let i = 0; i < counts.length; i++) {
    if (!counts[i]) continue;
    values.push(i + first);
    present.push(counts[i]);
  }
  const [low, high] = limits(values, present);
  const table = scale(Float64Array.from(counts, (_, i) => i), low - first, high - first);
  return lookUp(pixels, table);
}

// Return the entry of each pixel in a table in the order of `count`.
export function lookUp(pixels, table) {
  const { first } = range(pixels), found = new Uint8Array(pixels.length);
  for (let i = 0; i < pixels.length; i++) found[i] = table[pixels[i] - first];
  return found;
}

// Return pixels as an image of 8 bits, { width, height, channels: 1 or 3, data }. They are interleaved:
// grey, grey and alpha, RGB or RGBA. Deep colours are stretched together, and three equal ones are grey. Transparent
// pixels become black, unless all are transparent; what nobody sees does not move the limits. With `inverted`, 0 is white.
export function toEight(pixels, width, height, channels, inverted = false) {
  let colours = channels > 2 ? 3 : 1;
  const alpha = channels % 2 === 0 ? pick(pixels, channels, channels - 1, 1) : null;
  if (channels === 3 || channels === 4) {
    let grey = true;
    for (let i = 0; grey && i < pixels.length; i += channels) {
      grey = pixels[i] === pixels[i + 1] && pixels[i] === pixels[i + 2];
    }
    if (grey) colours = 1;
  }
  const seen = colours === channels ? pixels : pick(pixels, channels, 0, colours);
  const opaque = alpha && alpha.some((value) => value !== 0) ? opacity(alpha) : null;
  if (opaque) hide(seen, alpha, colours);
  const stretched = stretch(seen, width, colours), data = inverted ? stretched.map((grey) => 255 - grey) : stretched;
  if (!opaque) return { width, height, channels: colours, data };
  // Pillow's alpha_composite over black.
  for (let i = 0; i < data.length; i++) data[i] = Math.round((data[i] * opaque[Math.floor(i / colours)]) / 255);
  return { width, height, channels: colours, data };
}

// Return `count` channels from `first` on of interleaved pixels.
function pick(pixels, channels, first, count) {
  const total = pixels.length / channels, picked = new pixels.constructor(total * count);
  for (let i = 0; i < total; i++) {
    for (let c = 0; c < count; c++) picked[i * count + c] = pixels[i * channels + first + c];
  }
  return picked;
}

function opacity(alpha) {
  if (alpha instanceof Uint8Array) return alpha;
  let highest = -Infinity;
  for (const value of alpha) {
    if (!Number.isFinite(value)) throw notFinite();
    if (value > highest) highest = value;
  }
  return scale(alpha, 0, highest);
}

// Set transparent pixels to the least value that is seen.
function hide(pixels, alpha, channels) {
  let least = Infinity;
  for (let i = 0; i < pixels.length; i++) {
    if (alpha[Math.floor(i / channels)] > 0 && pixels[i] < least) least = pixels[i];
  }
  for (let i = 0; i < pixels.length; i++) if (!(alpha[Math.floor(i / channels)] > 0)) pixels[i] = least;
}
