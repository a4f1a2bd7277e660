// An image: { width, height, channels: 1 or 3, data: Uint8Array, interleaved }, and what can be done to one.

// How to turn an image upright, by its EXIF orientation: whether x and y change places, then which are mirrored.
const ORIENTATIONS = {
  2: [false, true, false],
  3: [false, true, true],
  4: [false, false, true],
  5: [true, false, false],
  6: [true, true, false],
  7: [true, true, true],
  8: [true, false, true],
};

// Return an image of this EXIF orientation turned upright.
export function turn(image, orientation) {
  if (!(orientation in ORIENTATIONS)) return image;
  const [swapped, mirrorX, mirrorY] = ORIENTATIONS[orientation];
  const { channels, data } = image;
  const width = swapped ? image.height : image.width, height = swapped ? image.width : image.height;
  const turned = new Uint8Array(data.length);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const u = mirrorX ? width - 1 - x : x, v = mirrorY ? height - 1 - y : y;
      const from = (swapped ? u * image.width + v : v * image.width + u) * channels;
      for (let c = 0; c < channels; c++) turned[to++] = data[from + c];
    }
  }
  return { ...image, width, height, data: turned };
}

export function invert(image) {
  const data = new Uint8Array(image.data.length);
  for (let i = 0; i < data.length; i++) data[i] = 255 - image.data[i];
  return { ...image, data };
}

// Return the part of an image between left, top, right and bottom.
export function crop(image, left, top, right, bottom) {
  const { channels, data } = image, row = (right - left) * channels;
  const cut = new Uint8Array(row * (bottom - top));
  for (let y = top; y < bottom; y++) {
    const start = (y * image.width + left) * channels;
    cut.set(data.subarray(start, start + row), (y - top) * row);
  }
  return { ...image, width: right - left, height: bottom - top, data: cut };
}

// Return an image reduced by a whole number: means of squares of so many pixels a side, as Pillow's reduce does.
export function reduce(image, factor) {
  if (factor <= 1) return image;
  const { channels } = image, width = Math.ceil(image.width / factor), height = Math.ceil(image.height / factor);
  const data = new Uint8Array(width * height * channels);
  for (let y = 0, to = 0; y < height; y++) {
    const bottom = Math.min((y + 1) * factor, image.height);
    for (let x = 0; x < width; x++) {
      const right = Math.min((x + 1) * factor, image.width);
      for (let c = 0; c < channels; c++) data[to++] = mean(image, x * factor, y * factor, right, bottom, c);
    }
  }
  return { ...image, width, height, data };
}

function mean({ width, channels, data }, left, top, right, bottom, channel) {
  let sum = 0;
  for (let y = top; y < bottom; y++) {
    for (let x = left, at = (y * width + left) * channels + channel; x < right; x++, at += channels) sum += data[at];
  }
  const count = (right - left) * (bottom - top);
  return Math.floor((sum + count / 2) / count);
}

// Return an image with one channel where all of its colours are greys.
export function asGrey(image) {
  if (image.channels === 1) return image;
  const { data } = image;
  for (let i = 0; i < data.length; i += 3) if (data[i] !== data[i + 1] || data[i] !== data[i + 2]) return image;
  const greys = new Uint8Array(image.width * image.height);
  for (let i = 0; i < greys.length; i++) greys[i] = data[3 * i];
  return { ...image, channels: 1, data: greys };
}
