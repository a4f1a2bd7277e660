// From log odds to a finding at an operating point: hub/inference/decision.py and hub/prevalence.py.
//
// `decision` is that of page.json. Operating points are thresholds on the likelihood ratio, so a finding does not
// move with the prevalence; the probability does.
import { InputError } from "../imaging/unreadable.js";

const RAREST = 1e-9; // the prevalence that is closest to 0, and as close to 1

// Return the probability of the positive class after the test.
export function posterior(likelihoodRatio, prevalence) {
  const odds = (likelihoodRatio * prevalence) / (1 - prevalence);
  return odds / (1 + odds);
}

// Return the natural logarithm of the odds, finite for 0 and 1 too.
export function logOdds(probability) {
  const share = Math.min(Math.max(probability, 1e-9), 1 - 1e-9);
  return Math.log(share / (1 - share));
}

// Return the finding in words, as Python's `finding` does.
export function finding(likelihoodRatio, threshold, point, factor) {
  if (point === "screening") return likelihoodRatio >= threshold ? "flagged for a second look" : "no sign of pneumonia";
  if (threshold / factor < likelihoodRatio && likelihoodRatio < threshold * factor) return "uncertain";
  return likelihoodRatio > threshold ? "signs of pneumonia" : "no sign of pneumonia";
}

// Return the 95 % interval of a likelihood ratio, [low, high]; null if the model does not say.
export function interval(likelihoodRatio, covariance, quantile) {
  if (!covariance) return null;
  const log = Math.log(likelihoodRatio), [[scale, both], [, offset]] = covariance;
  const deviation = Math.sqrt(Math.max(log ** 2 * scale + 2 * log * both + offset, 0));
  return [-1, 1].map((sign) => Math.exp(Math.min(Math.max(log + sign * quantile * deviation, -700), 700)));
}

// Throw InputError for a prevalence that is no share, as Python does.
function checkPrevalence(prevalence) {
  const begin = `The prevalence ${typeof prevalence === "string" ? `'${prevalence}'` : String(prevalence)} is`, end = "give 0.1 for one in ten.";
  if (!(typeof prevalence === "number" && prevalence > 0 && prevalence < 1)) throw new InputError(`${begin} not a share between 0 and 1; ${end}`);
  if (!(prevalence >= RAREST && prevalence <= 1 - RAREST)) throw new InputError(`${begin} too close to 0 or 1; ${end}`);
}

// Return the answer at one operating point as plain JSON, the same as Python's `report`. `answer` is that of the
// network, { log_odds, verdict }; `point` and `prevalence` are those of `decision` where they are not given.
export function report(page, answer, point = null, prevalence = null) {
  const { decision, model } = page, names = decision.points.map(({ name }) => name);
  if (point !== null && names.length && !names.includes(point)) {
    throw new InputError(`There is no operating point ${String(point).slice(0, 40)}; give ${names.join(" or ")}.`);
  }
  const chosen = decision.points.find(({ name }) => name === point) ?? decision.points[0] ?? null;
  const share = prevalence ?? decision.prevalence, { verdict } = answer;
  checkPrevalence(share);
  const made = {
    label: null, finding: null, probability: null, interval: null, prevalence: share, likelihood_ratio: null,
    probabilities: {}, operating_point: chosen?.name ?? null,
    threshold: chosen && posterior(chosen.threshold, share), threshold_likelihood_ratio: chosen?.threshold ?? null,
    verdict: { status: verdict.status, reason: verdict.reason, sentence: verdict.sentence },
  };
  if (verdict.status === "refused") return made;
  const most = decision.most_evidence;
  const ratio = Math.min(Math.max(Math.exp(answer.log_odds), 1 / most), most), probability = posterior(ratio, share);
  made.probabilities = { [model.classes[0]]: 1 - probability, [model.classes[1]]: probability };
  if (!chosen) return { ...made, label: model.classes[Number(answer.log_odds > 0)] };
  const bounds = interval(ratio, decision.covariance, decision.normal_quantile);
  return {
    ...made,
    label: model.classes[Number(ratio >= chosen.threshold)],
    finding: finding(ratio, chosen.threshold, chosen.name, decision.uncertain_factor),
    probability,
    interval: bounds && bounds.map((bound) => posterior(bound, share)),
    likelihood_ratio: ratio,
  };
}
