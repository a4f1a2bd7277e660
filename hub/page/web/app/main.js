// The page: it fetches words and model, lays out its two tabs, and hands them the files that are given.
import { Classifier, readPage } from "../classifier.js";
import { buildBatch } from "./batch.js";
import { listenForFiles, zone } from "./choose.js";
import { fill, html } from "./html.js";
import { fetched } from "../inference/load.js";
import { buildOneFilm } from "./one_film.js";
import { listenToSettings, settingsHtml } from "./settings.js";
import { wordsFor } from "./words.js";
import { listenToTabs } from "./tabs.js";

const BASE = new URL("../", import.meta.url);
const root = document.querySelector("main");
let tell = () => {}, end = () => {}, loading = null;
const reading = readPage(BASE);
const first = classifier();
first.catch(() => {}); // whoever asks hears of it
window.xray = { classifier: first, ready: first.then(() => {}), classify };

// Return a promise of the classifier. Who asks after it did not come has it fetched again.
function classifier() {
  const lose = (error) => {
    loading = null;
    end(false);
    throw error;
  };
  const win = (loaded) => {
    end(true);
    return loaded;
  };
  return (loading ??= Classifier.load(BASE, { page: reading, progress: (share) => tell(share) }).then(win, lose));
}

// What the comparing command calls: the answer to some bytes, or the sentence that says why there is none.
async function classify(bytes, name, prevalence = 0.5) {
  try {
    return await (await classifier()).classify(bytes, { name, prevalence });
  } catch (error) {
    return { error: error.message };
  }
}

async function build() {
  const page = await reading, words = wordsFor(page), context = { page, words };
  document.documentElement.lang = words("report.locale");
  document.title = words("page.title");
  layOut(context);
  const [one, many] = ["image", "batch"].map((name) => root.querySelector(`#view-${name}`));
  const oneSettings = listenToSettings(one, "image", () => film.redraw());
  const batchSettings = listenToSettings(many, "batch", () => batch.redraw());
  const film = buildOneFilm(one, classifier, context, oneSettings);
  const batch = buildBatch(many, classifier, context, batchSettings);
  const open = listenToTabs(root);
  const give = (files) => {
    const isBatch = files.length > 1 || /\.zip$/i.test(files[0].name) || !many.hidden;
    open(isBatch ? "batch" : "image");
    if (isBatch) batch.give(files);
    else film.show({ file: files[0], name: files[0].name });
  };
  const sample = (index) => {
    const { file, phrase } = page.examples[index];
    const fetchIt = async () => (await fetched(BASE, file)).blob();
    film.show({ fetchIt, name: words("samples.shown", { name: words(phrase) }) });
  };
  listenForFiles(one.querySelector("#choose"), give, sample);
  many.querySelector(".drop input").addEventListener("change", ({ target }) => {
    const files = [...target.files];
    target.value = "";
    if (files.length) batch.give(files);
  });
  showProgress(root.querySelector("#loading"), context);
  if (page.examples.length) sample(page.opening ?? 0);
}

function layOut(context) {
  const { words } = context, tab = (name) => html`<button type="button" role="tab" id="view-${name}-button" aria-controls="view-${name}" aria-selected="${name === "image"}"${name === "image" ? "" : html` tabindex="-1"`}>${words(`tabs.${name}`)}</button>`;
  // The head is there from the start, in English.
  for (const each of root.querySelectorAll("[data-words]")) each.textContent = each.dataset.words.split(" ").map((name) => words(name)).join(" ");
  fill(root.querySelector("#content"), html`<div id="loading"></div>
    <div class="tabs" role="tablist">${["image", "batch"].map(tab)}</div>
    <section id="view-image" role="tabpanel" aria-labelledby="view-image-button">
      <div id="choose">${zone(context)}</div>
      <div id="reading"><div class="reading" role="status" hidden><p></p><button type="button" hidden>${words("page.try_again")}</button></div></div>
      <div id="answer">
        <div class="column" id="film"><div class="empty film-empty">${words("film.empty")}</div></div>
        <div class="column" id="answer-card">
          <div id="card"><div class="empty" role="status"><div><p>${words("card.empty")}</p><p>${words("local.preparing")}</p></div></div></div>
          <div id="settings">${settingsHtml(context, "image")}</div><div id="decided"></div>
        </div>
      </div>
    </section>
    <section id="view-batch" role="tabpanel" aria-labelledby="view-batch-button" hidden>
      <div id="batch-input"><div class="drop"><p class="lead">${words("batch.drop")}</p>
        <label class="choose"><input type="file" multiple>${words("batch.choose")}</label><p class="quiet formats">${words("local.batch_formats")}</p></div></div>
      <div data-batch="status"></div>
      <div id="batch-settings">${settingsHtml(context, "batch")}</div>
      <div data-batch="results"><div class="batch-notice"><p>${words("batch.empty")}</p></div></div>
      <dialog class="batch-film" aria-labelledby="batch-film-name"></dialog>
    </section>`);
}

// Say how much of the model has come, until it is there.
function showProgress(place, { words }) {
  tell = (share) => {
    const bar = place.querySelector("progress");
    if (bar) bar.value = share;
    else fill(place, html`<label for="loading-bar">${words("local.loading")}</label><progress id="loading-bar" max="1" value="${share}"></progress>`);
  };
  end = (isThere) => fill(place, isThere ? "" : html`<p class="notice" role="alert">${words("local.not_loaded")}</p>`);
  first.then(() => end(true), () => end(false));
}

// Keep the page for when there is no network; only then, as this takes time that the first answer needs. Who installs
// it wants it so for DICOM and TIFF too.
async function keep() {
  await first;
  await navigator.serviceWorker.register(new URL("service_worker.js", BASE));
  const { active } = await navigator.serviceWorker.ready, keepCodecs = () => active.postMessage("keep codecs");
  addEventListener("appinstalled", keepCodecs);
  if (matchMedia("(display-mode: standalone)").matches) keepCodecs();
}

if ("serviceWorker" in navigator) keep().catch(() => {});
build().catch((error) => {
  console.error(error);
  root.querySelector("noscript, .starting")?.replaceChildren("This page could not be loaded. Check your connection and load it again.");
});
