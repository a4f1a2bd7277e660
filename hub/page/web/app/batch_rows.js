// A batch as a work list: rows to count, filter, sort and open, page by page: hub/demo/batch_panel.py.
import * as say from "./answer_words.js";
import { kindOfResult } from "./csv.js";
import { html } from "./html.js";
import { percent, thousands } from "./words.js";

export const PAGE = 50; // rows
const COLUMNS = ["name", "answer", "probability", "check"];
const SORTS = [["", false], ["probability", true], ["probability", false], ["answer", false], ["name", false], ["check", false]];
const WORDS = {
  signs: "card.signs", flagged: "card.flagged", uncertain: "batch.uncertain", no_sign: "card.no_sign",
  not_reliable: "card.not_reliable", refused: "card.no_answer", unreadable: "card.no_answer", left_out: "batch.left_out",
};
const OWN_CHECKS = ["fine", "unchecked", "inverted", "turned"]; // which a row says in other words than the card
const UNANSWERED = ["not_reliable", "refused", "unreadable", "left_out"]; // kinds without an answer to act on

// Return a row for each result, { name, report, error, note, thumbnail }, by its place among them, where some may be
// missing yet.
export const rowsOf = (results, context) => results.map((result, index) => rowOf(result, index, context)).filter(Boolean);

function rowOf(result, index, context) {
  const { words, page } = context, { report, name } = result, kind = kindOfResult(result, page);
  const answer = kind in WORDS ? words(WORDS[kind]) : report.label;
  const row = { index, name, kind, group: kind, answer, probability: null, reliable: kind !== "not_reliable", result };
  if (!report) return { ...row, check: result.note ?? words("card.unreadable", { reason: result.error }), status: result.note ? "note" : "error" };
  if (kind === "label") row.group = `label ${report.label}`;
  const { status, reason } = report.verdict, own = OWN_CHECKS.includes(reason || status) ? reason || status : null;
  const probability = report.probability ?? (Math.max(0, ...Object.values(report.probabilities)) || null);
  return { ...row, probability, check: own ? words(`batch.${own}`) : say.check(report, context), status };
}

const KEYS = {
  name: (row) => row.name.toLowerCase(),
  answer: (row, order) => (UNANSWERED.includes(row.kind) ? null : order.indexOf(row.kind)),
  probability: (row) => (row.reliable ? row.probability : null),
  check: (row) => row.check.toLowerCase(),
};

// Return the rows of all pages of a view, { group, search, sort, descending, page }; those without a value come last.
export function choose(rows, view, { page, words }) {
  const text = view.search.trim().toLowerCase(), order = Object.keys(page.csv.headlines);
  const chosen = rows.filter((row) => ["", row.group].includes(view.group) && row.name.toLowerCase().includes(text));
  if (!view.sort) return chosen;
  const key = (row) => KEYS[view.sort](row, order), { compare } = new Intl.Collator(words.language, { numeric: true });
  const valued = chosen.filter((row) => key(row) !== null), sign = view.descending ? -1 : 1;
  const by = (a, b) => (typeof key(a) === "number" ? key(a) - key(b) : compare(key(a), key(b)));
  return [...valued.sort((a, b) => sign * by(a, b)), ...chosen.filter((row) => key(row) === null)];
}

// Return the filters of a batch, and one page of its table.
export function table(rows, view, context) {
  const { words } = context, chosen = choose(rows, view, context);
  const last = Math.floor(Math.max(0, chosen.length - 1) / PAGE), page = Math.min(view.page, last);
  const shown = chosen.slice(page * PAGE, (page + 1) * PAGE);
  const range = { first: page * PAGE + 1, last: page * PAGE + shown.length, total: chosen.length };
  const heading = (name) => {
    const sorted = name === view.sort ? html` aria-sort="${view.descending ? "descending" : "ascending"}"` : "";
    return html`<th scope="col"${sorted}><button type="button" data-sort="${name}">${words(`batch.${name}`)}</button></th>`;
  };
  return html`<div class="batch">
    <div class="chips" role="group" aria-label="${words("batch.filter")}">${chips(rows, view, context)}</div>
    <div class="tools">
      <input type="search" class="search" placeholder="${words("batch.search")}" aria-label="${words("batch.search")}" value="${view.search}">
      <label class="sort">${words("batch.sort")} <select>${SORTS.map((each) => sortOption(each, view, words))}</select></label>
      <button type="button" class="save">${words("batch.download")}</button>
    </div>
    <table><thead><tr><th scope="col"><span class="unseen">${words("batch.picture")}</span></th>${COLUMNS.map(heading)}</tr></thead>
      <tbody>${shown.map((row) => tableRow(row, words))}</tbody></table>
    ${shown.length ? "" : html`<p class="quiet nothing">${words("batch.nothing")}</p>`}
    <nav class="pages" aria-label="${words("batch.pages")}"${last ? "" : html` hidden`}>
      <button type="button" data-page="${page - 1}" aria-disabled="${page === 0}">${words("batch.page_before")}</button>
      <span role="status">${words("batch.shown", Object.fromEntries(Object.entries(range).map(([name, count]) => [name, thousands(count)])))}</span>
      <button type="button" data-page="${page + 1}" aria-disabled="${page === last}">${words("batch.page_after")}</button>
    </nav></div>`;
}

const sortOption = ([name, descending], view, words) => {
  const selected = name === view.sort && descending === view.descending ? html` selected` : "";
  const phrase = `batch.sort_${name || "files"}${descending ? "_down" : ""}`;
  return html`<option data-sort="${name}" data-descending="${descending}"${selected}>${words(phrase)}</option>`;
};

const tableRow = (row, words) => html`<tr class="${row.kind} ${row.status}" data-index="${row.index}">
  <td class="thumbnail">${row.result.thumbnail && html`<img src="${row.result.thumbnail}" alt="" loading="lazy">`}</td>
  <th scope="row" class="name">${row.result.thumbnail ? html`<button type="button" class="open">${row.name}</button>` : row.name}</th>
  <td class="answer"><span class="tag">${row.answer}</span></td><td class="share">${share(row, words)}</td><td class="check">${row.check}</td></tr>`;

// Return the probability of a row, behind a fold where it is not reliable.
export function share(row, words) {
  if (row.probability === null) return "";
  if (!row.reliable) return html`<details><summary>${words("card.anyway")}</summary><span class="quiet">${percent(row.probability)}</span></details>`;
  return html`<span class="bar"><span data-css="width:${(100 * row.probability).toFixed(1)}%"></span></span>
    <span class="number">${percent(row.probability)}</span>`;
}

// Return the filters: all, and each group, the most urgent first.
function chips(rows, view, { page, words }) {
  const order = Object.keys(page.csv.headlines), groups = new Map();
  for (const row of [...rows].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))) {
    groups.set(row.group, { row, count: (groups.get(row.group)?.count ?? 0) + 1 });
  }
  const files = rows.filter(({ kind }) => kind !== "left_out").length;
  const named = [...groups].map(([group, { row, count }]) => ({
    group, count, kind: row.kind, text: row.kind === "label" ? row.answer : words(`batch.chip_${row.kind}`),
  }));
  return [{ group: "", count: files, kind: "all", text: words("batch.all") }, ...named].map(
    ({ group, count, kind, text }) =>
      html`<button type="button" class="chip ${kind}" data-group="${group}" aria-pressed="${group === view.group}"><b>${thousands(count)}</b> ${text}</button>`,
  );
}

// Return the dialog's contents for one X-ray of a batch. `heat` is the address of its heatmap, null where it
// has no colour, undefined without one; `around` are the indices of those before and after it, and its place.
export function openedFilm(row, heat, { previous, next, place, total }, words) {
  const step = (name, index, arrow) => html`<button type="button" class="${name}" data-open="${index ?? ""}" aria-disabled="${index === null}"
    aria-label="${words(`batch.${name}`)}" title="${words(`batch.${name}`)}">${arrow}</button>`;
  return html`<div class="head"><h2 id="batch-film-name">${row.name}</h2>
      <span class="quiet">${words("batch.place", { place, total })}</span>
      ${step("previous", previous, "←")}${step("next", next, "→")}
      <button type="button" class="close" aria-label="${words("batch.close")}" title="${words("batch.close")}">✕</button></div>
    <div class="body"><div>
      <div class="layers"><img src="${row.result.picture}" alt="${row.name}">${heat && html`<img class="heat" src="${heat}" alt="">`}</div>
      <label class="toggle"${heat ? "" : html` hidden`}><input type="checkbox" checked> ${words("film.heatmap")}</label>
      ${heat !== undefined && html`<p class="legend quiet">${words(heat ? "film.meaning" : "film.nothing")}</p>`}</div>
    <div class="says"><p><span class="tag">${row.answer}</span></p>
      ${row.probability === null ? "" : html`<p class="about quiet">${words("batch.probability")}</p><div class="share">${share(row, words)}</div>`}
      <p class="check"><span class="quiet">${words("batch.check")}:</span> ${row.check}</p></div></div>`;
}
