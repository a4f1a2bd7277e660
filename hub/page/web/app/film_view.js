// The viewer of a picture as HTML: hub/demo/templates/film.html. demo/film.css and demo/film.js make it work.
import { html } from "./html.js";
import { percent } from "./words.js";

let key = 0;

// Return a picture and its heatmap with what one can do to them. `image` and `heat` are addresses, `heat` null where
// nothing is coloured, and undefined where that is not known yet. Where the check `warned`, the heatmap is off until it
// is chosen.
export function film({ image, heat, width, height, name, warned }, { page, words }) {
  const id = `film-${++key}`, mode = warned ? "original" : "heatmap";
  const picture = (heated) => html`<div class="frame ${heated ? "heated" : "plain"}"><div class="layers">
    <img class="grey" draggable="false" src="${image}" alt="${name}">
    ${heated && html`<img class="heat" draggable="false" src="${heat}" alt="${words("film.heatmap_of", { picture: name })}">`}
  </div></div>`;
  const choice = (each) => html`<label><input type="radio" name="${id}" value="${each}"${each === mode ? html` checked` : ""}><span>${words(`film.${each}`)}</span></label>`;
  const button = (what, phrase, face) =>
    html`<button type="button" data-film-do="${what}" title="${words(phrase)}" aria-label="${words(phrase)}">${face}</button>`;
  const full = html`<svg viewBox="0 0 20 20" aria-hidden="true"><path d="M3 8V3h5M12 3h5v5M17 12v5h-5M8 17H3v-5"/></svg>`;
  return html`<figure class="film" data-film="${id}"${warned ? html` data-warned` : ""}>
    <div class="film-bar">
      ${heat && html`<fieldset class="modes"><legend>${words("film.show")}</legend>${["original", "heatmap", "side_by_side"].map(choice)}</fieldset>`}
      <div class="zoom">${button("out", "film.zoom_out", "−")}${button("in", "film.zoom_in", "+")}${button("full", "film.full_screen", full)}</div>
    </div>
    <div class="stage" data-css="--ratio:${(width / height).toFixed(4)}" tabindex="0" role="group" aria-label="${words("film.stage")}">
      ${picture(false)}${heat && picture(true)}
    </div>
    <div class="settings">
      ${heat && slider("strength", words("film.strength"), 0, 100, 50)}
      ${slider("brightness", words("film.brightness"), 40, 250, 100)}${slider("contrast", words("film.contrast"), 40, 250, 100)}
      <button type="button" data-film-do="reset">${words("film.reset")}</button>
    </div>
    <figcaption><p class="name">${name}</p>${heat ? legend(page, words) : heat === null && html`<p class="nothing">${words("film.nothing")}</p>`}</figcaption>
  </figure>`;
}

const slider = (setting, label, low, high, value) => html`<label class="setting ${setting}"><span>${label}</span>
  <input type="range" min="${low}" max="${high}" value="${value}" step="5" data-film-setting="${setting}"><output>${value} %</output></label>`;

function legend({ heatmap: { bar, lungs } }, words) {
  const why = lungs && html`<details><summary>${words("film.why")}</summary><p>${words("film.why_measured", {
    films: lungs.films, inside: percent(lungs.inside), area: percent(lungs.area),
  })}</p></details>`;
  return html`<div class="heat-key">
    <p class="colour-bar"><span>${words("film.little")}</span><span class="colours"><span data-css="background-image:${bar}"></span></span><span>${words("film.lot")}</span></p>
    <p>${words("film.meaning")}</p>${why}</div>`;
}
