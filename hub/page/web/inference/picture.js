// What is shown of an image: the picture at the size of a screen, and its heatmap.
import { cropBorders, luma } from "../imaging/borders.js";
import { invert, turn } from "../imaging/image.js";
import { layer } from "./heatmap.js";

const CLOCKWISE = { 1: 6, 2: 3, 3: 8 }; // the EXIF orientations that quarter turns make upright

// Return an image inverted and turned clockwise, without the borders that it has then.
export function corrected(image, inverted, turns, crop) {
  const made = turn(inverted ? invert(image) : image, CLOCKWISE[turns]);
  return crop ? cropBorders(made) : made;
}

// Return { blob, width, height }: the picture with at most `side` pixels on its longer side, grey as the network
// sees radiographs.
export async function picture(image, side, radiograph) {
  const scale = Math.min(1, side / Math.max(image.width, image.height));
  const [width, height] = [image.width, image.height].map((length) => Math.max(1, Math.round(length * scale)));
  const whole = canvas(toPixels(image, radiograph));
  if (scale === 1) return { blob: await whole.convertToBlob({ type: "image/jpeg", quality: 0.92 }), width, height };
  const fitted = new OffscreenCanvas(width, height), context = fitted.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(whole, 0, 0, width, height);
  return { blob: await fitted.convertToBlob({ type: "image/jpeg", quality: 0.92 }), width, height };
}

// Return the heatmap of a picture as a PNG; null where nothing is coloured, undefined for an answer without one.
export async function heat({ heatmap, verdict }, { width, height }, options) {
  if (!heatmap || verdict.status === "refused") return undefined;
  const pixels = layer(heatmap, width, height, options);
  return pixels && canvas(pixels).convertToBlob({ type: "image/png" });
}

function canvas(pixels) {
  const made = new OffscreenCanvas(pixels.width, pixels.height);
  made.getContext("2d").putImageData(pixels, 0, 0);
  return made;
}

function toPixels({ width, height, channels, data }, radiograph) {
  const pixels = new ImageData(width, height), shown = pixels.data;
  const green = channels === 3 ? 1 : 0, blue = 2 * green, isToBeGrey = radiograph && channels === 3;
  for (let from = 0, to = 0; from < data.length; from += channels, to += 4) {
    const grey = isToBeGrey ? luma(data[from], data[from + 1], data[from + 2]) : 0;
    shown[to] = isToBeGrey ? grey : data[from];
    shown[to + 1] = isToBeGrey ? grey : data[from + green];
    shown[to + 2] = isToBeGrey ? grey : data[from + blue];
    shown[to + 3] = 255;
  }
  return pixels;
}
