// Which files are images, and of which format, by their first bytes: hub/imaging/formats.py.
export const HEAD = 144; // bytes that are enough to tell
export const NAMES = "PNG, JPEG, JPEG 2000, WebP, HEIC, AVIF, GIF, TIFF, BMP, PNM or DICOM";
const SIGNATURES = {
  PNG: /^\x89PNG\r\n\x1a\n/s,
  JPEG: /^\xff\xd8\xff/s,
  GIF: /^GIF8[79]a/s,
  WEBP: /^RIFF....WEBP/s,
  TIFF: /^(?:II[*+]\0|MM\0[*+])/s, // TIFF and BigTIFF
  BMP: /^BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0/s, // with the length of its header
  JPEG2000: /^(?:\0\0\0\x0cjP\x20\x20\r\n\x87\n|\xff\x4f\xff\x51)/s,
  // The brand itself, or among those that a general one is compatible with.
  AVIF: /^....ftyp(?:avi[fs]|mi[fa][1f].{4}(?:.{4})*?avif|msf1.{4}(?:.{4})*?avis)/s,
  HEIC: /^....ftyp(?:he[iv].|mi[fa][1f]|msf1)/s,
  PNM: /^P[1-6fF]\s\s*[\d#]/s,
};
// Files without preamble and prefix begin with an element of group 0002 or 0008, followed by the two letters of
// its type or a length under 65536; in big endian the bytes are swapped (PS3.5 7.1).
const NO_PREAMBLE = /^(?:[\x02\x08]\x00.\x00[A-Z]{2}|\x08\x00.\x00..\x00\x00|\x00[\x02\x08]\x00.[A-Z]{2})/s;
// Files that people take for images and that are not read here.
const OTHERS = {
  "a PDF": /^%PDF-/s,
  "a web page": /^\s*<(?:!doctype html|html)/is,
  "an SVG drawing": /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?(?:<!doctype svg[^>]*>\s*)?<svg/is,
  PostScript: /^(?:%!PS|\xc5\xd0\xd3\xc6)/s,
  "a Photoshop file": /^8BPS/s,
  "a TGA file": /^\0(?:\0[\x02\x03\x0a\x0b]\0{5}|\x01[\x01\x09]\0\0)/s, // before icons, which begin alike
  "an icon": /^\0\0[\x01\x02]\0/s,
  "a DDS texture": /^DDS /s,
  "a FITS file": /^SIMPLE {2}=/s,
  "a NIfTI file": /^(?:\x5c\x01\0\0|\0\0\x01\x5c)/s,
  "an HDF5 file": /^\x89HDF\r\n/s,
  "an OpenEXR file": /^v\/1\x01/s,
  "JPEG XL": /^(?:\xff\x0a|\0\0\0\x0cJXL )/s,
  "JPEG XR": /^II\xbc/s,
  "a QOI file": /^qoif/s,
  "an SGI file": /^\x01\xda[\0\x01][\x01\x02]/s,
  "a ZIP": /^PK\x03\x04/s,
  "a gzip file": /^\x1f\x8b/s,
};

// Return bytes as a string of characters from 0 to 255, for regular expressions.
export const latin1 = (bytes) => {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
};

// Return whether a file that begins with these characters is DICOM, with or without preamble and prefix.
const isDicom = (head) => head.slice(128, 132) === "DICM" || NO_PREAMBLE.test(head);

// Return the format of an image that begins with these bytes: a name of SIGNATURES, or "DICOM"; null otherwise.
export function imageFormat(bytes) {
  const head = latin1(bytes.subarray(0, HEAD));
  if (isDicom(head)) return "DICOM"; // first: before its prefix a DICOM file may begin as a TIFF does
  return Object.keys(SIGNATURES).find((name) => SIGNATURES[name].test(head)) ?? null;
}

// Return what a file is that is no image, one of OTHERS; null if unknown.
export function otherFormat(bytes) {
  const head = latin1(bytes.subarray(0, HEAD));
  return Object.keys(OTHERS).find((name) => OTHERS[name].test(head)) ?? null;
}
