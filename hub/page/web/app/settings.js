// How common pneumonia is, and how cautious the answer should be: the settings of both tabs.
import { html } from "./html.js";

// Return the settings as HTML; `tab` keeps the names of inputs apart.
export function settingsHtml({ page, words }, tab) {
  const { points, prevalences, prevalence } = page.decision;
  if (!points.length) return "";
  const shares = prevalences.map(({ value, phrase }) => [value, words(phrase), value === prevalence]);
  const cautions = points.map(({ name }, i) => [name, words(`point.${name}`), i === 0]);
  return html`${choice(`${tab}-prevalence`, words(tab === "batch" ? "batch.prevalence" : "prevalence.question"), words("prevalence.explanation"), shares)}
    ${choice(`${tab}-point`, words("point.question"), words("point.explanation"), cautions)}`;
}

const choice = (name, question, explanation, options) => html`<fieldset class="choice" aria-describedby="${name}-info">
  <legend>${question}</legend><p class="info" id="${name}-info">${explanation}</p>
  <div class="wrap">${options.map(
    ([value, label, checked]) => html`<label><input type="radio" name="${name}" value="${value}"${checked ? html` checked` : ""}><span>${label}</span></label>`,
  )}</div></fieldset>`;

// Return the function that returns operating point and prevalence of a tab; `changed` is called when they change.
export function listenToSettings(root, tab, changed) {
  const value = (name) => root.querySelector(`input[name="${tab}-${name}"]:checked`)?.value;
  root.addEventListener("change", ({ target }) => target.name?.startsWith(`${tab}-`) && changed());
  return () => [value("point") ?? null, value("prevalence") === undefined ? null : Number(value("prevalence"))];
}
