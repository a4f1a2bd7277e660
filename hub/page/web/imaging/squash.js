// An image resized to the square that the network takes: Pillow's bicubic resize, number for number, because the
// network in 8 bits answers a little differently where a few pixels differ by one level.

const SUPPORT = 2; // pixels on either side of which a cubic is made
const BITS = 22; // of the weights behind the point, as in Pillow's Resample.c
const HALF = 1 << (BITS - 1);

// Return the image as a square of `size` pixels a side, whatever its proportions; nothing is cropped.
export function squash(image, size) {
  return resize(image, size, size);
}

// Return an image of another width and height, by the bicubic of Pillow.
export function resize(image, width, height) {
  const narrow = image.width === width ? image : across(image, width);
  return narrow.height === height ? narrow : down(narrow, height);
}

function across(image, width) {
  const { channels, data, height } = image, { starts, counts, weights, longest } = coefficients(image.width, width);
  const made = new Uint8Array(width * height * channels);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const first = (y * image.width + starts[x]) * channels, start = x * longest, stop = start + counts[x];
      for (let c = 0; c < channels; c++) {
        let sum = HALF;
        for (let i = start, at = first + c; i < stop; i++, at += channels) {
          sum = (sum + Math.imul(data[at], weights[i])) | 0; // 32 bits, as in C
        }
        made[to++] = level(sum);
      }
    }
  }
  return { ...image, width, data: made };
}

function down(image, height) {
  const { data } = image, row = image.width * image.channels;
  const { starts, counts, weights, longest } = coefficients(image.height, height);
  const made = new Uint8Array(row * height), sums = new Int32Array(row);
  for (let y = 0; y < height; y++) {
    sums.fill(HALF);
    for (let i = 0; i < counts[y]; i++) {
      const from = (starts[y] + i) * row, weight = weights[y * longest + i];
      for (let x = 0; x < row; x++) sums[x] += Math.imul(data[from + x], weight);
    }
    for (let x = 0; x < row; x++) made[y * row + x] = level(sums[x]);
  }
  return { ...image, height, data: made };
}

function level(sum) {
  const value = sum >> BITS;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

// Return, for each pixel of a side of `size`, which pixels of the side before it is made of, and their weights.
function coefficients(before, size) {
  const scale = before / size, spread = Math.max(scale, 1), support = SUPPORT * spread;
  const longest = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(size), counts = new Int32Array(size), weights = new Int32Array(size * longest);
  for (let x = 0; x < size; x++) {
    const centre = (x + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const stop = Math.min(before, Math.trunc(centre + support + 0.5));
    const exact = [];
    for (let i = start; i < stop; i++) exact.push(cubic((i - centre + 0.5) * (1 / spread)));
    const total = exact.reduce((sum, weight) => sum + weight, 0);
    starts[x] = start;
    counts[x] = stop - start;
    exact.forEach((weight, i) => {
      const share = total === 0 ? weight : weight / total;
      weights[x * longest + i] = Math.trunc((share < 0 ? -0.5 : 0.5) + share * (1 << BITS));
    });
  }
  return { starts, counts, weights, longest };
}

// Keys 1981, with a = -0.5, at a distance in pixels.
function cubic(distance) {
  const x = Math.abs(distance);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
}
