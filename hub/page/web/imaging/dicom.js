// DICOM radiographs: which files they are, and their image in 8 bits: hub/imaging/dicom.py.
import { integer, parse, pixels, text } from "./dicom_elements.js";
import { bytesPerPixel, decodeFrame, readFrame } from "./dicom_frame.js";
import { lacksPalette, toEightBits } from "./dicom_greys.js";
import { LATERAL, view } from "./dicom_views.js";
import { damaged, InputError } from "./unreadable.js";

// DR and XR are no terms of the standard (PS3.3 C.7.3.1.1.1), but in use. OT is the modality of radiographs scanned
// or captured from a screen.
const RADIOGRAPHS = new Set(["CR", "DX", "DR", "XR", "RG", "OT"]);
// Storage classes of what is no image: presentation states, waveforms, reports, documents, plans (PS3.4 B.5).
const NO_IMAGE = /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.(9\.|11\.|66|67|68|79|88\.|104\.|481\.[3456789])/;

// Return the image of one frontal or oblique radiograph, { width, height, channels, data, view }; bone is bright.
// `admit(width, height, bytes)` is called before pixels are decoded. Throws InputError for a file of anything else,
// which quotes nothing of the header but the modality, the transfer syntax or the name of an element.
export async function decodeDicom(bytes, name, admit) {
  const header = await parse(bytes);
  if (!pixels(header)) {
    const kind = text(header, "SOPClassUID") || text(header.meta, "MediaStorageSOPClassUID");
    if (header.cutShort && !NO_IMAGE.test(kind)) throw damaged();
    throw new InputError(`${name} is a DICOM file without a picture; give the file of the radiograph itself.`);
  }
  const shown = view(header);
  checkContents(header, shown, name);
  const frame = readFrame(header, name);
  const missing = lacksPalette(header);
  if (frame.kind === "PALETTE COLOR" && missing) throw new InputError(`${name} lacks ${missing}; export it again, or as PNG.`);
  admit(frame.columns, frame.rows, bytesPerPixel(frame));
  const { channels, data } = toEightBits(await decodeFrame(frame), frame, header);
  return { width: frame.columns, height: frame.rows, channels, data, view: shown };
}

function checkContents(header, shown, name) {
  const modality = text(header, "Modality"), words = modality.match(/[A-Z]+/g) ?? [];
  if (!words.every((word) => RADIOGRAPHS.has(word))) {
    // Two letters identify nobody; anything longer might.
    const kind = /^[A-Z]{2}$/.test(modality) ? `of modality ${modality}` : "of another modality";
    throw new InputError(`${name} is ${kind}, not a radiograph; give a CR or DX file.`);
  }
  if ((integer(header, "NumberOfFrames") || 1) > 1) {
    throw new InputError(`${name} has several frames; give a single radiograph.`);
  }
  if (shown === LATERAL) throw new InputError(`${name} is a lateral view by its header; give the frontal one.`);
  if (text(header, "PresentationIntentType") === "FOR PROCESSING") {
    throw new InputError(`${name} is what the detector gave, not a film yet; give the image for presentation.`);
  }
}
