// What a report says, in a visitor's words: hub/demo/answer_words.py.
import { posterior } from "../inference/decision.js";
import { percent } from "./words.js";

export const kindOf = (report, page) => page.decision.findings[report.finding];

// Return the finding, or else the class; "No answer" if the file was refused.
export function verdict(report, { page, words }) {
  if (report.label === null) return words("card.no_answer");
  return report.finding ? words(`card.${kindOf(report, page)}`) : report.label;
}

// Return what the input check says of the image, and what to do.
export function check({ verdict: { reason, status } }, { words }) {
  return words(`card.check_${(reason || status).replace(/[ -]/g, "_")}`);
}

// Return what to do with a finding; "" without one.
export function nextStep(report, { page, words }) {
  if (!report.finding) return "";
  const kind = kindOf(report, page), { probability } = report;
  const surprising = { no_sign: probability > page.decision.still_many, signs: probability < 0.5, flagged: probability < 0.5 };
  const but = surprising[kind] ? words(`card.but_${kind}`) : "";
  return `${words(`card.next_${kind}`)} ${but}`.trim();
}

// Return the probability as children among a hundred; "" without one.
export function ofHundred({ probability, interval }, { words }) {
  if (probability === null) return "";
  if (probability < 0.01 || probability > 0.99) return words(probability < 0.5 ? "card.hundred_few" : "card.hundred_most");
  const count = Math.round(100 * probability);
  const [low, high] = (interval ?? [probability, probability]).map((end) => Math.round(100 * end));
  return low === high ? words("card.hundred", { count }) : words("card.hundred_between", { count, low, high });
}

// Return what the likelihood ratio means.
export function likelihood({ likelihood_ratio: ratio }, { words }) {
  if (ratio >= 1) return words("card.more_likely", { factor: factor(ratio) });
  const inverse = 1 / Math.max(ratio, 1e-30);
  return words("card.less_likely", { factor: factor(inverse), ratio: twoDigits(ratio) });
}

// Return a ratio of 1 or more with the digits that matter: 1.3, 13, over 1,000.
function factor(ratio) {
  if (ratio > 1000) return "> 1,000";
  return ratio < 9.95 ? ratio.toFixed(1) : ratio.toFixed(0);
}

// Return a number as Python's format "2g" writes it.
function twoDigits(value) {
  if (value >= 1e-4) return String(Number(value.toPrecision(2)));
  const [digits, exponent] = value.toExponential(1).split("e");
  return `${Number(digits)}e-${exponent.slice(1).padStart(2, "0")}`;
}

// Return the probability of pneumonia and the prevalence that it is for.
export function probability(report, { words }) {
  const values = { prevalence: percent(report.prevalence), probability: percent(report.probability) };
  if (!report.interval) return words("card.probability", values);
  const [low, high] = report.interval.map(percent);
  return words("card.probability_between", { ...values, low, high });
}

// Return from which probability there is a finding.
export function threshold(report, { page, words }) {
  const near = page.decision.uncertain_factor;
  const limit = (times) => percent(posterior(times * report.threshold_likelihood_ratio, report.prevalence));
  const limits = { threshold: percent(report.threshold), low: limit(1 / near), high: limit(near) };
  return words(`card.threshold_${report.operating_point}`, limits);
}

// Return the purpose of an operating point, and its measured performance.
export function explainPoint(name, { page, words }) {
  const { explanation } = page.decision.points.find((point) => point.name === name);
  return explanation[words.language] ?? explanation.en;
}

// Return the five most probable classes with their probabilities, highest first.
export const mostProbable = ({ probabilities }) => Object.entries(probabilities).sort(([, a], [, b]) => b - a).slice(0, 5);
