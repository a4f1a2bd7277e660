// The report that the browser prints or saves: hub/demo/templates/report_sheet.html. demo/report.js adds the picture
// and its heatmap from the viewer, and the date.
import * as say from "./answer_words.js";
import { html } from "./html.js";
import { percent } from "./words.js";

const DIGITS = 12; // of the weights' SHA-256

// Return a button, and hidden behind it the page that it prints; "" for an image without an answer.
export function reportSheet(report, name, context) {
  const { words } = context;
  if (report.label === null) return "";
  const warned = report.verdict.status === "warned", check = say.check(report, context), found = say.verdict(report, context);
  return html`<div class="report"><button type="button" data-report>${words("report.print")}</button>
  <article class="report-sheet" lang="${words("report.locale")}" hidden>
    <header><h1>${words("report.title")}</h1><p><span class="report-name">${name}</span> <time></time></p></header>
    <section class="report-answer${warned ? " warned" : ""}">
      <h2>${warned ? words("card.not_reliable") : found}</h2>
      ${warned ? [check, words("report.would", { answer: found })].map(line) : [say.ofHundred(report, context), say.nextStep(report, context)].filter(Boolean).map(line)}
      ${report.finding ? "" : say.mostProbable(report).map(([label, share]) => line(`${label}: ${percent(share)}`))}
    </section>
    <div class="report-figures">
      <figure><div><img class="report-grey" alt=""></div><figcaption>${words("report.picture")}</figcaption></figure>
      ${warned ? "" : html`<figure class="report-heated"><div><img class="report-grey" alt=""><img class="report-heat" alt=""></div>
      <figcaption>${words("report.with_heatmap")} ${words("film.meaning")}</figcaption></figure>`}
    </div>
    <dl>
      ${warned ? "" : html`<dt>${words("report.check")}</dt><dd>${check}</dd>`}
      ${report.finding ? html`<dt>${words("report.settings")}</dt><dd>${settings(report, warned, context).map(line)}</dd>` : ""}
      <dt>${words("report.model")}</dt><dd>${version(context)}</dd>
    </dl>
    <p class="report-notice">${words("page.disclaimer")}</p>
  </article></div>`;
}

const line = (sentence) => html`<p>${sentence}</p>`;

const settings = (report, warned, context) => [
  context.words(`point.${report.operating_point}`),
  say.threshold(report, context),
  ...(warned ? [] : [say.probability(report, context)]),
];

function version({ page: { model }, words }) {
  const name = model.name[words.language] ?? model.name.en;
  return model.digest ? words("report.version", { model: name, digits: model.digest.slice(0, DIGITS) }) : name;
}
