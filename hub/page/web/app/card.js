// The card of an answer as HTML: hub/demo/panels.py and its templates.
import { logOdds } from "../inference/decision.js";
import * as say from "./answer_words.js";
import { html } from "./html.js";
import { percent } from "./words.js";

// Return the card of a report: one verdict, one number, and what to do next. `turned` says that the image was turned,
// and can be turned on until it is upright.
export function card(report, name, context, turned = false) {
  const { words, page } = context, check = say.check(report, context), button = correction(report, page, turned);
  if (report.label === null) return refusal(check, name, context, button);
  const { status } = report.verdict, number = say.ofHundred(report, context);
  const body = status === "warned" ? warned(report, check, number, button, context) : answered(report, check, number, context);
  const kind = say.kindOf(report, page) ?? "label";
  return html`<section class="card ${status} ${kind}" role="status"><p class="name">${name}</p>${body}</section>`;
}

function warned(report, check, number, button, context) {
  const { words } = context;
  return html`<h2>${words("card.not_reliable")}</h2>
    <p class="notice">${check}</p>${corrections(button, words)}
    <details class="anyway" data-fold="anyway"><summary>${words("card.anyway")}</summary>
      <p class="verdict">${say.verdict(report, context)}</p>${number ? html`<p>${number}</p>` : classes(report, words)}
    </details>`;
}

function answered(report, check, number, context) {
  const figures = html`<p class="number">${number}</p>
    <div class="hundred" aria-hidden="true">${hundred(report.probability).map((kind) => html`<i class="${kind}"></i>`)}</div>
    <p class="next">${say.nextStep(report, context)}</p>`;
  return html`<h2>${say.verdict(report, context)}</h2>${number ? figures : classes(report, context.words)}
    <p class="quiet check ${report.verdict.status}">${check}</p>`;
}

// Return the card of a file without an answer, and why.
export const refusal = (sentence, name, { words }, button = null) => html`<section class="card refused" role="status">
  <p class="name">${name}</p><h2>${words("card.no_answer")}</h2>
  <p class="notice">${sentence}</p>${corrections(button, words)}</section>`;

// Return "invert" or "turn" where that may help; null if nothing does.
const correction = (report, page, turned) => page.corrections[report.verdict.reason] ?? (turned ? "turn" : null);

const corrections = (button, words) =>
  button && html`<p class="corrections"><button type="button" class="primary" data-correction="${button}">${words(`card.${button}`)}</button></p>`;

const classes = (report, words) => html`<p>${words("card.classes")}</p><ul class="classes">${say.mostProbable(report).map(
  ([name, share]) => html`<li><span>${name}</span><span>${percent(share)}</span>
    <span class="bar"><span data-css="width:${(100 * share).toFixed(1)}%"></span></span></li>`,
)}</ul>`;

// Return a hundred children, "sick" or "well"; "between" at either end.
function hundred(probability) {
  if (probability < 0.01) return ["between", ...Array(99).fill("well")];
  if (probability > 0.99) return [...Array(99).fill("sick"), "between"];
  const count = Math.round(100 * probability);
  return [...Array(count).fill("sick"), ...Array(100 - count).fill("well")];
}

// Return how a report came about, folded; "" without a finding.
export function decided(report, context) {
  if (report.finding === null) return "";
  return html`<details class="decided" data-fold="decided"><summary>${context.words("card.decided")}</summary>
    <p>${say.likelihood(report, context)} ${say.probability(report, context)}</p>
    ${scale(report, context)}
    <p>${say.threshold(report, context)}</p>
    <p>${say.explainPoint(report.operating_point, context)}</p></details>`;
}

// A bar in log odds: equal steps left and right are equal factors of the odds.
function scale(report, { page, words }) {
  const place = (odds) => 50 + 50 * Math.min(Math.max(odds / page.scale.end, -1), 1), at = (value) => value.toFixed(1);
  const screening = report.operating_point === "screening", middle = logOdds(report.threshold);
  const unsure = screening ? 0 : Math.log(page.decision.uncertain_factor);
  const [low, high] = [place(middle - unsure), place(middle + unsure)];
  const shares = { probability: percent(report.probability), threshold: percent(report.threshold) };
  return html`<div class="scale" role="img" aria-label="${words("card.axis", shares)}">
    <div class="bar">
      <span class="unsure" data-css="left:${at(low)}%;width:${at(high - low)}%"></span>
      <span class="yes" data-css="left:${at(high)}%"></span>
      <span class="threshold" data-css="left:${at(place(middle))}%"></span>
      <span class="mark" data-css="left:${at(place(logOdds(report.probability)))}%"></span>
    </div>
    <div class="ticks">${page.scale.ticks.map(
      (tick) => html`<span class="tick" data-css="left:${at(place(logOdds(tick)))}%">${percent(tick)}</span>`,
    )}</div>
  </div>
  <ul class="legend">
    <li class="no">${words("card.axis_no")}</li>
    ${screening ? "" : html`<li class="unsure">${words("card.axis_unsure")}</li>`}
    <li class="yes">${words(screening ? "card.axis_flagged" : "card.axis_yes")}</li>
    <li class="threshold">${words("card.axis_threshold", { threshold: percent(report.threshold) })}</li>
  </ul>`;
}
