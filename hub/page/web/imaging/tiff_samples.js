// Samples of a TIFF, pixel by pixel, from the strips or tiles that geotiff.js decodes.
import { COMPRESSION, tiffDecoder } from "./codecs.js";
import { damaged, unusual } from "./unreadable.js";

const INTEGER = 1, FLOAT = 3; // sample formats
const HORIZONTAL = 2, FLOATING_POINT = 3; // predictors: TIFF 6.0, section 14, and Adobe's technical note 3
const PREDICTED = [COMPRESSION.LZW, COMPRESSION.DEFLATE, COMPRESSION.OLD_DEFLATE]; // compressions that know predictors
const WORDS = { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array };

// Return the samples that are `wanted` of each pixel, side by side, as an array of their type.
export async function readSamples(page, wanted) {
  const width = page.getWidth(), height = page.getHeight(), columns = page.getTileWidth(), rows = page.getTileHeight();
  const isPlanar = page.planarConfiguration === 2, samples = isPlanar ? 1 : page.getSamplesPerPixel();
  const decoder = await tiffDecoder(page), toNumbers = numbersOf(page, columns * samples, samples);
  const pixels = page.getArrayForSample(0, width * height * wanted.length);
  for (let top = 0; top < height; top += rows) {
    for (let left = 0; left < width; left += columns) {
      const area = { top, left, bottom: Math.min(top + rows, height), right: Math.min(left + columns, width) };
      for (const [channel, sample] of isPlanar ? wanted.entries() : [[0, 0]]) {
        const { data } = await page.getTileOrStrip(left / columns, top / rows, sample, decoder);
        const channels = isPlanar ? [channel] : wanted.keys(), from = isPlanar ? [0] : wanted;
        place(toNumbers(data), { columns, samples, from }, pixels, { width, total: wanted.length, channels: [...channels] }, area);
      }
    }
  }
  return pixels;
}

// Return what makes numbers of a decoded strip or tile with so many numbers a row: in this computer's order of bytes,
// and without a predictor. geotiff.js would undo that before bytes are in order.
function numbersOf(page, row, samples) {
  const format = page.getSampleFormat(), bits = page.getBitsPerSample(), size = bits / 8;
  const directory = page.fileDirectory, isPredicted = PREDICTED.includes(directory.getValue("Compression"));
  const predictor = isPredicted ? directory.getValue("Predictor") ?? 1 : 1;
  const isWhole = bits in WORDS || (bits === 64 && format === FLOAT);
  if (!isWhole && !(format === INTEGER && bits < 16 && predictor === 1)) throw unusual("TIFF");
  if (![1, HORIZONTAL, FLOATING_POINT].includes(predictor) || (predictor === HORIZONTAL && bits === 64)) throw unusual("TIFF");
  return (data) => {
    if (!isWhole) return page.getArrayForSample(0, data); // geotiff.js made numbers of these bits
    const rest = data.byteLength % size, buffer = rest ? data.slice(0, -rest) : data, bytes = new Uint8Array(buffer);
    if (predictor === FLOATING_POINT) undoFloatingPoint(bytes, row, samples, size);
    else if (!page.littleEndian) turnRound(bytes, size);
    if (predictor === HORIZONTAL) undoHorizontal(new WORDS[bits](buffer), row, samples);
    return format === FLOAT && bits === 16 ? halves(new Uint16Array(buffer)) : page.getArrayForSample(0, buffer);
  };
}

function turnRound(bytes, size) {
  if (size === 1) return;
  for (let start = 0; start < bytes.length; start += size) {
    for (let low = start, high = start + size - 1; low < high; low++, high--) {
      const byte = bytes[low];
      bytes[low] = bytes[high];
      bytes[high] = byte;
    }
  }
}

function undoHorizontal(numbers, row, samples) {
  for (let start = 0; start < numbers.length; start += row) {
    const end = Math.min(start + row, numbers.length);
    for (let i = start + samples; i < end; i++) numbers[i] += numbers[i - samples];
  }
}

function undoFloatingPoint(bytes, row, samples, size) {
  for (let start = 0; start + row * size <= bytes.length; start += row * size) {
    const line = bytes.subarray(start, start + row * size);
    for (let i = samples; i < line.length; i++) line[i] += line[i - samples];
    const planes = line.slice(); // the first bytes of all numbers, then the second ones, from the highest on
    for (let i = 0; i < row; i++) {
      for (let byte = 0; byte < size; byte++) line[i * size + byte] = planes[(size - 1 - byte) * row + i];
    }
  }
}

function halves(words) {
  const table = Float32Array.from({ length: 1 << 16 }, (_, word) => {
    const exponent = (word >> 10) & 31, fraction = (word & 1023) / 1024, sign = word >> 15 ? -1 : 1;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (exponent ? (1 + fraction) * 2 ** (exponent - 15) : fraction * 2 ** -14);
  });
  return Float32Array.from(words, (word) => table[word]);
}

// Copy an area of the image from its strip or tile.
function place(block, { columns, samples, from }, pixels, { width, total, channels }, { top, left, bottom, right }) {
  const row = right - left;
  if (block.length < ((bottom - top - 1) * columns + row) * samples) throw damaged();
  for (let y = top; y < bottom; y++) {
    const start = (y - top) * columns * samples, to = (y * width + left) * total;
    if (channels.length === total && from.length === samples) {
      pixels.set(block.subarray(start, start + row * samples), to);
      continue;
    }
    for (let x = 0; x < row; x++) {
      for (let i = 0; i < from.length; i++) pixels[to + x * total + channels[i]] = block[start + x * samples + from[i]];
    }
  }
}
