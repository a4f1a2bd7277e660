// The tab for one X-ray: its picture, its answer, and the settings of the answer.
import { card, decided, refusal } from "./card.js";
import { film } from "./film_view.js";
import { fill, html } from "./html.js";
import { reportSheet } from "./report_sheet.js";

const PATIENCE = 500; // ms for a frame, which a hidden page never paints
const painted = () => new Promise((resolve) => {
  setTimeout(resolve, PATIENCE);
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve)));
});

// Build the tab. `classifier` promises one, `settings` returns the operating point and the prevalence. Returns
// `show`, which answers a file, or what `fetchIt` promises, and `redraw`, after the settings have changed.
export function buildOneFilm(root, classifier, context, settings) {
  const { words, page } = context, find = (id) => root.querySelector(`#${id}`);
  let asked = null, latest = 0, folds = {}, addresses = [], loading = true;
  classifier().finally(() => { loading = false; }).catch(() => {});

  const say = (sentence, again) => {
    const [text, button] = root.querySelector(".reading").children;
    root.querySelector(".reading").hidden = !sentence;
    text.textContent = sentence;
    button.hidden = !again;
    button.onclick = again;
  };
  const nameOf = ({ name, inverted, turns }) => {
    const shown = inverted ? words("card.inverted_name", { name }) : name;
    return turns ? words("card.turned_name", { name: shown, degrees: 90 * turns }) : shown;
  };

  async function show(given) {
    const token = ++latest, question = { inverted: false, turns: 0, ...given }, name = nameOf(question);
    folds = {};
    document.body.dataset.film = "reading";
    find("answer").inert = true;
    if (!loading) say(words("page.reading", { name })); // else a bar says how far the model is
    try {
      question.file ??= await question.fetchIt();
      if (loading) await preview(question, name, token);
      const loaded = await classifier();
      if (token !== latest) return;
      const { inverted, turns, file } = question, screen = page.heatmap.screen_side;
      const answer = await loaded.answer(file, { name: question.name, screen, layered: true, inverted, turns });
      if (token !== latest) return;
      asked = { ...question, shown: name, answer, loaded };
      drawFilm(answer, answer.layer, name);
      redraw();
      arrive();
    } catch (error) {
      if (token === latest) lose(error, name, () => show(question));
    }
  }

  // While the model comes, show a picture that the browser reads by itself.
  async function preview({ file, inverted, turns }, name, token) {
    const bitmap = inverted || turns ? null : await createImageBitmap(file).catch(() => null);
    if (!bitmap || !loading || token !== latest) return;
    const { width, height } = bitmap;
    drawFilm({ picture: { width, height, blob: file }, verdict: {} }, undefined, name);
    await find("film").querySelector("img").decode().catch(() => {});
    await painted();
  }

  function lose(error, name, again) {
    asked = null;
    if (error.name === "InputError") {
      fill(find("film"), html`<div class="empty film-empty">${words("film.empty")}</div>`);
      fill(find("card"), refusal(words("card.unreadable", { reason: error.message }), name, context));
      fill(find("decided"), "");
      arrive();
      return;
    }
    console.error(error);
    document.body.dataset.film = "lost";
    say(`${words("page.lost", { name })} ${words("local.not_loaded")}`, again);
  }

  function arrive() {
    delete document.body.dataset.film;
    find("answer").inert = false;
    say("");
    const heading = find("card").querySelector("h2"), { top, bottom } = heading.getBoundingClientRect();
    if (latest > 1 && (top < 0 || bottom > innerHeight)) heading.scrollIntoView({ block: "center" });
  }

  function drawFilm({ picture, verdict }, layer, name) {
    addresses.forEach((each) => URL.revokeObjectURL(each));
    const [image, coloured] = [picture.blob, layer].map((blob) => blob && URL.createObjectURL(blob));
    addresses = [image, coloured].filter(Boolean);
    const { width, height } = picture;
    fill(find("film"), film({ image, heat: coloured, width, height, name, warned: verdict.status === "warned" }, context));
  }

  function redraw() {
    if (!asked) return;
    const report = asked.loaded.report(asked.answer, ...settings());
    fill(find("card"), card(report, asked.shown, context, asked.turns > 0));
    fill(find("decided"), html`${decided(report, context)}${reportSheet(report, asked.shown, context)}`);
    for (const fold of root.querySelectorAll("[data-fold]")) fold.open = Boolean(folds[fold.dataset.fold]);
  }

  root.addEventListener("toggle", ({ target }) => {
    if (target.dataset?.fold) folds[target.dataset.fold] = target.open;
  }, true);
  root.addEventListener("click", ({ target }) => {
    const how = target.closest("[data-correction]")?.dataset.correction;
    if (how === "invert") show({ ...asked, inverted: !asked.inverted });
    if (how === "turn") show({ ...asked, turns: (asked.turns + 1) % 4 });
  });
  return { show, redraw };
}
