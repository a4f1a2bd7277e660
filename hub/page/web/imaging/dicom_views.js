// From which side a radiograph was taken, by its DICOM header: hub/imaging/dicom_views.py.
import { items, text } from "./dicom_elements.js";
import { CODES } from "./dicom_view_codes.js";

export const LATERAL = "lateral", OBLIQUE = "oblique";
const FROM_A_SIDE =
  /^(?:[LR]L|ML|LM|(?:X|XT|XTABLE|CROSSTABLE|[LR]T?|LEFT|RIGHT)?LAT(?:ER[A-Z]*|[LR])?|SWIM[A-Z]*|SAG[A-Z]*|TRANSTHORACIC|P(?:RO|ER)FIL[A-Z]*)$/;
const AT_AN_ANGLE =
  /^(?:[LR][APL]?O|MLO|LMO|[LR]?T?OBL[A-Z]*|AXIAL|TANGENTIAL|LORDOTIC|CRANIO[A-Z]*|CAUD[A-Z]*|CEPHALAD)$/;
const MOST_CODES = 100; // that are looked up; a radiograph has one or two
const LYING = /^(?:[LR]LD|DECUB[A-Z]*)$/;

// Return LATERAL or OBLIQUE; "" for a frontal view, or where nothing says it.
export function view(header) {
  const position = text(header, "ViewPosition"), codes = viewCodes(header);
  const said = [position, ...codes.map((code) => knownView(code) ?? text(code, "CodeMeaning"))];
  if (!said.some(Boolean) && showsASide(text(header, "PatientOrientation"))) return LATERAL;
  const views = [byWords(position), ...codes.map(byCode)];
  return [LATERAL, OBLIQUE].find((each) => views.includes(each)) ?? "";
}

function viewCodes(header) {
  const views = items(header, "ViewCodeSequence");
  const modifiers = [header, ...views].flatMap((place) => items(place, "ViewModifierCodeSequence"));
  return [...views, ...modifiers].slice(0, MOST_CODES);
}

// Return the name of CODES that a code has; undefined for any other code.
function knownView(item) {
  const code = text(item, "CodeValue");
  return Object.keys(CODES).find((name) => CODES[name].includes(code));
}

function byCode(item) {
  const known = knownView(item);
  if (known) return known === "frontal" ? "" : known;
  return byWords(text(item, "CodeMeaning"));
}

// Return the view that words in capitals name.
export function byWords(said) {
  const words = said.match(/[A-Z]+/g) ?? [];
  if (words.some((word) => AT_AN_ANGLE.test(word))) return OBLIQUE; // "left lateral oblique" is one, too
  if (words.some((word) => LYING.test(word))) {
    // On back or belly, the beam comes from a side; on a side ("lateral decubitus"), from the front.
    return words.includes("DORSAL") || words.includes("VENTRAL") ? LATERAL : "";
  }
  return words.some((word) => FROM_A_SIDE.test(word)) ? LATERAL : "";
}

// Return whether rows run from front to back and columns from head to foot, either way round.
function showsASide(orientation) {
  const ends = orientation.split("\\").map((part) => part.trim());
  const fits = ([across, along]) => ["A", "P"].includes(across) && ["H", "F"].includes(along);
  return ends.length === 2 && (fits(ends) || fits([...ends].reverse()));
}
