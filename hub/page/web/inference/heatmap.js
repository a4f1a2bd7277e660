// The heatmap as a layer over the picture: hub/inference/heatmap.py. `options` is `heatmap` of page.json.

// Return the layer as ImageData for a picture of this size, or smaller: enlarged it looks the same. Null where it
// would be too faint to be seen. `map` is { width, height, data }, log odds at each position.
export function layer(map, width, height, options) {
  const scale = Math.min(1, options.layer_side / Math.max(width, height));
  const [w, h] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  const heat = enlarge(map, w, h), pixels = new ImageData(w, h);
  let most = 0;
  for (let i = 0; i < heat.length; i++) {
    const share = Math.round(255 * Math.min(Math.max(heat[i] / options.full_colour, 0), 1)) / 255;
    const alpha = Math.round(255 * share ** options.layer_power);
    for (let c = 0; c < 3; c++) {
      pixels.data[4 * i + c] = Math.round(options.faint[c] * (1 - share) + options.full[c] * share);
    }
    pixels.data[4 * i + 3] = alpha;
    most = Math.max(most, alpha);
  }
  return most < options.visible ? null : pixels;
}

// Return a map enlarged by Pillow's bicubic filter, a = -0.5.
export function enlarge({ width, height, data }, w, h) {
  const columns = weights(width, w), rows = weights(height, h);
  const across = new Float64Array(w * height), down = new Float64Array(w * h);
  for (let y = 0; y < height; y++) {
    columns.forEach(([first, shares], x) => {
      across[y * w + x] = shares.reduce((sum, share, i) => sum + share * data[y * width + first + i], 0);
    });
  }
  rows.forEach(([first, shares], y) => {
    for (let x = 0; x < w; x++) down[y * w + x] = shares.reduce((sum, share, i) => sum + share * across[(first + i) * w + x], 0);
  });
  return down;
}

// Return the first cell and the weights of the cells for each of so many pixels.
function weights(cells, pixels) {
  return Array.from({ length: pixels }, (_, pixel) => {
    const step = cells / pixels, support = 2 * Math.max(step, 1), centre = (pixel + 0.5) * step;
    const first = Math.max(0, Math.floor(centre - support + 0.5)), last = Math.min(cells, Math.floor(centre + support + 0.5));
    const shares = Array.from({ length: last - first }, (_, i) => cubic((first + i - centre + 0.5) / Math.max(step, 1)));
    const sum = shares.reduce((a, b) => a + b, 0);
    return [first, shares.map((share) => share / sum)];
  });
}

function cubic(x) {
  const a = -0.5, d = Math.abs(x);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}
