// The viewer of an image. Gradio changes it in place when another one comes: it takes away whatever its HTML
// does not have, but leaves the choices of inputs as they are. So settings lie on the root, and are said anew.
const ROOT = document.documentElement;
const STORE = "film";
const USUAL = { mode: "heatmap", strength: 50, brightness: 100, contrast: 100 };
const CLOSEST = 8; // times as large
const STEP = 1.4; // of a button, a key or a notch of the wheel
const PAN = 8; // per cent of the image for each press of an arrow key

function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(STORE)) ?? {};
  } catch {
    return {}; // storage may be forbidden
  }
}

const settings = { ...USUAL, ...stored() };

function keep(changes) {
  Object.assign(settings, changes);
  try {
    sessionStorage.setItem(STORE, JSON.stringify(settings));
  } catch {
    // It then holds until the page is left.
  }
}

// Say the settings on the root and on the inputs of a film.
function apply(film) {
  for (const name of ["strength", "brightness", "contrast"]) {
    ROOT.style.setProperty(`--film-${name}`, settings[name] / 100);
    const input = film.querySelector(`[data-film-setting="${name}"]`);
    if (!input) continue;
    input.value = settings[name];
    input.nextElementSibling.value = `${settings[name]} %`;
  }
}

// A film that comes new; one that the check warns of shows no heatmap before it is chosen.
function begin(film) {
  const mode = "warned" in film.dataset ? "original" : settings.mode;
  const choice = film.querySelector(`.modes input[value="${CSS.escape(mode)}"]`);
  if (choice) choice.checked = true;
  place(film, { zoom: 1, x: 0, y: 0 });
  apply(film);
}

const begun = new WeakMap();
new MutationObserver(() => {
  for (const film of document.querySelectorAll(".film[data-film]")) {
    if (begun.get(film) === film.dataset.film) continue;
    begun.set(film, film.dataset.film);
    begin(film);
  }
}).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-film"] });

// How a film is enlarged: x and y are where its left upper corner lies, in per cent of the frame.
function view(film) {
  const number = (name, none) => parseFloat(film.style.getPropertyValue(`--film-${name}`)) || none;
  return { zoom: number("zoom", 1), x: number("x", 0), y: number("y", 0) };
}

function place(film, { zoom, x, y }) {
  zoom = Math.min(Math.max(zoom, 1), CLOSEST);
  if (zoom < 1.01) zoom = 1;
  const inside = (value) => Math.min(0, Math.max(value, 100 - 100 * zoom));
  film.style.setProperty("--film-zoom", zoom);
  film.style.setProperty("--film-x", inside(x));
  film.style.setProperty("--film-y", inside(y));
  film.toggleAttribute("data-zoomed", zoom > 1);
}

// Enlarge by a factor around a point in per cent of the frame.
function enlarge(film, factor, [px, py] = [50, 50]) {
  const { zoom, x, y } = view(film);
  const next = Math.min(Math.max(zoom * factor, 1), CLOSEST);
  const around = (corner, point) => point - ((point - corner) * next) / zoom;
  place(film, { zoom: next, x: around(x, px), y: around(y, py) });
}

function move(film, dx, dy) {
  const { zoom, x, y } = view(film);
  place(film, { zoom, x: x + dx, y: y + dy });
}

// Where a pointer is, in per cent of the frame under it.
function point(event, frame) {
  const box = frame.getBoundingClientRect();
  return [(100 * (event.clientX - box.left)) / box.width, (100 * (event.clientY - box.top)) / box.height];
}

function fill(film, full) {
  film.toggleAttribute("data-full", full);
  film.querySelector('[data-film-do="full"]')?.setAttribute("aria-pressed", full);
}

// iPhones have full screen for videos only: there the film lies over the page.
async function toggleFull(film) {
  if (document.fullscreenElement) return document.exitFullscreen();
  if ("full" in film.dataset) return fill(film, false);
  fill(film, true);
  try {
    await film.requestFullscreen();
  } catch {
    // It lies over the page.
  }
}

document.addEventListener("fullscreenchange", () => {
  const film = document.querySelector(".film[data-full]");
  if (film && document.fullscreenElement !== film) fill(film, false);
});

const ACTIONS = {
  in: (film) => enlarge(film, STEP),
  out: (film) => enlarge(film, 1 / STEP),
  full: toggleFull,
  reset: (film) => {
    const { mode, ...rest } = USUAL;
    keep(rest);
    apply(film);
    place(film, { zoom: 1, x: 0, y: 0 });
  },
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-film-do]");
  if (button) ACTIONS[button.dataset.filmDo](button.closest(".film"));
});

document.addEventListener("input", (event) => {
  const { filmSetting } = event.target.dataset;
  if (!filmSetting) return;
  keep({ [filmSetting]: Number(event.target.value) });
  apply(event.target.closest(".film"));
});

document.addEventListener("change", (event) => {
  const film = event.target.closest(".film");
  const warned = film && "warned" in film.dataset; // its choice is for this film alone
  if (film && !warned && event.target.closest(".modes")) keep({ mode: event.target.value });
});

document.addEventListener("dblclick", (event) => {
  const frame = event.target.closest(".film .frame");
  const film = frame?.closest(".film");
  if (!film?.querySelector(".zoom")) return;
  const { zoom } = view(film);
  enlarge(film, zoom > 1 ? 1 / CLOSEST : 2.5, point(event, frame));
});

// The wheel scrolls the page until the film is clicked, enlarged or fills the screen; a pinch always enlarges.
document.addEventListener(
  "wheel",
  (event) => {
    const frame = event.target.closest?.(".film .frame");
    const film = frame?.closest(".film");
    if (!film?.querySelector(".zoom")) return;
    const { zoom } = view(film);
    const meant = event.ctrlKey || zoom > 1 || "full" in film.dataset || film.contains(document.activeElement);
    if (!meant || (zoom === 1 && event.deltaY > 0 && !event.ctrlKey)) return;
    event.preventDefault();
    enlarge(film, Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002)), point(event, frame));
  },
  { passive: false }
);

const KEYS = {
  "+": ACTIONS.in,
  "=": ACTIONS.in,
  "-": ACTIONS.out,
  0: (film) => place(film, { zoom: 1, x: 0, y: 0 }),
  ArrowLeft: (film) => move(film, PAN, 0),
  ArrowRight: (film) => move(film, -PAN, 0),
  ArrowUp: (film) => move(film, 0, PAN),
  ArrowDown: (film) => move(film, 0, -PAN),
};

document.addEventListener("keydown", (event) => {
  const full = document.querySelector(".film[data-full]");
  if (event.key === "Escape" && full) {
    fill(full, false);
    if (document.fullscreenElement) document.exitFullscreen();
  }
  if (event.ctrlKey || event.metaKey || event.altKey || !event.target.matches?.(".film .stage")) return;
  const film = event.target.closest(".film");
  const arrow = event.key.startsWith("Arrow");
  if (!(event.key in KEYS) || (arrow && view(film).zoom === 1)) return; // the page scrolls
  event.preventDefault();
  KEYS[event.key](film);
});

// One pointer moves an enlarged film, two enlarge it.
const pointers = new Map();
document.addEventListener("pointerdown", (event) => {
  const frame = event.target.closest(".film .frame");
  if (!frame?.closest(".film").querySelector(".zoom") || event.button) return;
  pointers.set(event.pointerId, { frame, at: point(event, frame) });
});

document.addEventListener("pointermove", (event) => {
  const held = pointers.get(event.pointerId);
  if (!held) return;
  const film = held.frame.closest(".film");
  const before = [...pointers.values()].map((pointer) => pointer.at);
  const last = held.at;
  held.at = point(event, held.frame);
  const after = [...pointers.values()].map((pointer) => pointer.at);
  if (after.length === 1) return move(film, held.at[0] - last[0], held.at[1] - last[1]);
  const spread = ([[ax, ay], [bx, by]]) => Math.hypot(ax - bx, ay - by) || 1;
  const middle = ([[ax, ay], [bx, by]]) => [(ax + bx) / 2, (ay + by) / 2];
  enlarge(film, spread(after) / spread(before), middle(after));
});

for (const end of ["pointerup", "pointercancel"]) {
  document.addEventListener(end, (event) => pointers.delete(event.pointerId));
}
