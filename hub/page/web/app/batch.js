// The tab for many files: a pool of workers reads them, and everything stays in this page.
import { heat } from "../inference/picture.js";
import { choose, openedFilm, rowsOf, table } from "./batch_rows.js";
import { toCsv } from "./csv.js";
import { fill, html } from "./html.js";
import { packed, packerOf, unzip } from "./zip.js";
import { thousands } from "./words.js";

const PICTURE = 512, THUMBNAIL = 96; // pixels, the longer side
const MOST_WORKERS = 4;
const REDRAW = 500; // ms between two drawings of a batch that runs
const VIEW = { group: "", search: "", sort: "", descending: false, page: 0 };

// Build the tab. `classifier` promises one, `context` has words and page.json, `settings` returns the operating
// point and the prevalence. Returns `give`, to classify files, and `redraw`, after the settings have changed.
export function buildBatch(root, classifier, context, settings) {
  const { words, page } = context;
  const place = (name) => root.querySelector(`[data-batch=${name}]`);
  let results = [], view = VIEW, running = null;

  const reported = (result) => ({ ...result, report: result.answer ? classifierNow.report(result.answer, ...settings()) : null });
  let classifierNow = null;
  const rows = () => rowsOf(results.map(reported), context);
  const draw = () => {
    if (!results.length) return;
    const typing = document.activeElement?.matches(".batch .search");
    fill(place("results"), table(rows(), view, context));
    const search = place("results").querySelector(".search");
    if (typing) search.focus(), search.setSelectionRange(search.value.length, search.value.length);
  };
  const show = (change) => {
    view = { ...view, page: 0, ...change };
    draw();
  };

  async function give(files) {
    running?.stop();
    release(results);
    [results, view] = [[], VIEW];
    const run = (running = { stopped: false, stop: () => (run.stopped = true) });
    const notice = (phrase) => fill(place("results"), html`<div class="batch-notice"><p>${words(phrase)}</p></div>`);
    notice("batch.opening");
    root.toggleAttribute("data-running", true);
    const loaded = await classifier().catch(() => null);
    if (running !== run) return;
    if (!loaded) {
      root.toggleAttribute("data-running", false);
      return notice("local.not_loaded");
    }
    classifierNow = loaded;
    const started = performance.now();
    let total = files.length, drawn = 0;
    const done = () => results.filter((result) => result && !result.note).length;
    const source = members(files, (count) => (total += count), page.clutter);
    const take = async (worker) => {
      for (let item = await source.next(); !item.done && !run.stopped; item = await source.next()) {
        const { index, ...given } = item.value;
        results[index] = given.file ? await ask(worker, given, words) : given;
        if (run.stopped) return;
        const seconds = (performance.now() - started) / 1000;
        progress(place("status"), done(), total, done() / seconds, words);
        if (performance.now() - drawn > REDRAW) (drawn = performance.now()), draw();
      }
    };
    progress(place("status"), 0, total, 0, words);
    const count = Math.min(MOST_WORKERS, navigator.hardwareConcurrency || 1, Math.max(files.length, files.length === 1 ? 2 : 1));
    const helpers = Array.from({ length: count - 1 }, () => classifierNow.copy());
    await Promise.all([classifierNow, ...helpers].map(async (worker) => (await worker) && take(await worker)));
    for (const helper of helpers) (await helper)?.stop();
    if (running !== run) return;
    root.toggleAttribute("data-running", false);
    const said = run.stopped
      ? words("batch.stopped", { done: thousands(done()) })
      : words("batch.finished", { done: thousands(done()), seconds: ((performance.now() - started) / 1000).toFixed(1) });
    fill(place("status"), html`<p class="quiet" role="status">${said}</p>`);
    draw();
  }

  async function open(index) {
    const dialog = root.querySelector("dialog"), every = choose(rows(), view, context).filter(({ result }) => result.picture);
    const at = every.findIndex((row) => row.index === index), row = every[at];
    if (!row) return;
    const layer = await heat(row.result.answer, row.result.size, page.heatmap);
    const neighbours = { previous: every[at - 1]?.index ?? null, next: every[at + 1]?.index ?? null, place: at + 1, total: every.length };
    const off = dialog.querySelector(".toggle input")?.checked === false;
    URL.revokeObjectURL(dialog.dataset.heat ?? "");
    dialog.dataset.heat = layer ? URL.createObjectURL(layer) : "";
    dialog.className = `batch-film ${row.kind}`;
    const focused = dialog.contains(document.activeElement) ? document.activeElement.className : "";
    fill(dialog, openedFilm(row, layer && dialog.dataset.heat, neighbours, words));
    if (["previous", "next"].includes(focused)) dialog.querySelector(`.${focused}`).focus(); // else no more keys are heard
    dialog.querySelector(".toggle input").checked = !off;
    if (!dialog.open) dialog.showModal();
  }

  const save = () => {
    const table = toCsv(results.filter(Boolean).map(reported), page), link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([table], { type: "text/csv" }));
    link.download = "answers.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  listen(root, { show, open, save, stop: () => running?.stop(), view: () => view });
  return { give, redraw: draw };
}

async function ask(worker, { name, file }, words) {
  try {
    const answer = await worker.answer(file, { name: file.name, screen: PICTURE, thumbnail: THUMBNAIL });
    const { picture, thumbnail, ...kept } = answer;
    return { name, answer: kept, picture: URL.createObjectURL(picture.blob), size: picture, thumbnail: URL.createObjectURL(thumbnail.blob) };
  } catch (error) {
    if (error.name === "InputError") return { name, error: error.message };
    console.error(error);
    return { name, error: `${words("page.lost", { name })} ${words("local.not_loaded")}` };
  }
}

// Yield { index, name, file }, or an error or a note in place of the file; `more` is told how many a ZIP adds.
async function* members(files, more, clutter) {
  let index = 0;
  for (const file of files) {
    const packer = await packerOf(file);
    if (packer !== "ZIP") {
      yield { index: index++, name: file.name, ...(packer ? { error: packed(file.name, packer).message } : { file }) };
    } else {
      let count = 0;
      for await (const member of unzip(file, clutter)) {
        if (count++) more(1);
        yield { index: index++, ...member };
      }
    }
  }
}

function release(results) {
  for (const { picture, thumbnail } of results.filter(Boolean)) [picture, thumbnail].forEach((each) => each && URL.revokeObjectURL(each));
}

function progress(place, done, total, rate, words) {
  const said = words("batch.reading", { done: thousands(done), total: thousands(total), rate: thousands(Math.round(rate)) });
  const bar = place.querySelector("progress");
  if (!bar) {
    fill(place, html`<div class="batch-progress"><label for="batch-bar">${said}</label>
      <progress id="batch-bar" value="${done}" max="${total}"></progress>
      <button type="button" class="stop">${words("batch.stop")}</button></div>`);
    return;
  }
  [bar.value, bar.max] = [done, total];
  place.querySelector("label").textContent = said;
}

// A header sorts one way, then the other, then not at all; probabilities begin with the highest.
function sortBy(name, { sort, descending }) {
  const first = name === "probability";
  if (sort !== name) return { sort: name, descending: first };
  return descending === first ? { sort: name, descending: !first } : { sort: "", descending: false };
}

function listen(root, { show, open, save, stop, view }) {
  root.addEventListener("click", ({ target }) => {
    const button = target.closest("button"), dialog = target.closest("dialog"), row = target.closest("tr[data-index]");
    if (button?.ariaDisabled === "true") return;
    if (dialog) {
      if (button?.dataset.open) open(Number(button.dataset.open));
      if (button?.matches(".close") || target === dialog) dialog.close(); // or beside it
    } else if (row) {
      if (!target.closest("details") && row.querySelector(".open")) open(Number(row.dataset.index));
    } else if (button?.matches(".chip")) show({ group: button.ariaPressed === "true" ? "" : button.dataset.group });
    else if (button?.matches("thead button")) show(sortBy(button.dataset.sort, view()));
    else if (button?.matches(".pages button")) show({ page: Number(button.dataset.page) });
    else if (button?.matches(".save")) save();
    else if (button?.matches(".stop")) stop();
  });
  root.addEventListener("input", ({ target }) => target.matches(".search") && show({ search: target.value }));
  root.addEventListener("change", ({ target }) => {
    const choice = target.closest(".sort select")?.selectedOptions[0];
    if (choice) show({ sort: choice.dataset.sort, descending: choice.dataset.descending === "true" });
  });
  root.addEventListener("keydown", ({ key }) => {
    const name = { ArrowLeft: ".previous", ArrowRight: ".next" }[key];
    if (name) root.querySelector(`dialog[open] ${name}`)?.click();
  });
}
