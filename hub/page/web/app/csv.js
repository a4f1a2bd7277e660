// A batch as a table of comma-separated values: `to_csv` of hub/inference/batch.py.

// Return what kind of answer a result is, a key of `csv.headlines` of page.json.
export function kindOfResult({ report, note }, { decision }) {
  if (!report) return note ? "left_out" : "unreadable";
  if (report.label === null) return "refused";
  if (report.verdict.status === "warned") return "not_reliable";
  return decision.findings[report.finding] ?? "label";
}

const REPORTED = ["label", "finding", "likelihood_ratio", "prevalence", "operating_point", "threshold"];

// Return the table of results, { name, report, error, note }.
export function toCsv(results, page) {
  const classes = [...new Set(results.flatMap(({ report }) => Object.keys(report?.probabilities ?? {})))];
  const head = ["file", "answer", ...REPORTED, ...classes.map((name) => `probability_${name}`), "status", "reason", "message"];
  const rows = results.map((result) => {
    const kind = kindOfResult(result, page), { report, error, note, name } = result;
    const headline = page.csv.headlines[kind] ?? report.label;
    if (!report) {
      const [status, message] = note ? ["left out", note] : ["error", error];
      return [name, headline, ...Array(REPORTED.length + classes.length).fill(null), status, null, message];
    }
    const hidden = kind === "not_reliable" ? ["label", "finding"] : [];
    const { status, reason, sentence } = report.verdict;
    const reported = REPORTED.map((each) => (hidden.includes(each) ? null : report[each]));
    return [name, headline, ...reported, ...classes.map((each) => report.probabilities[each] ?? null), status, reason, sentence];
  });
  return [head, ...rows].map((row) => row.map((cell) => quoted(written(cell, page))).join(",") + "\r\n").join("");
}

// Return a cell so that no spreadsheet runs it as a formula; numbers have six digits.
function written(cell, page) {
  if (cell === null || cell === undefined) return "";
  if (typeof cell === "number") return pythonFloat(Number(cell.toPrecision(6)));
  return page.csv.formula.some((start) => cell.startsWith(start)) ? `'${cell}` : cell;
}

const quoted = (cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

// Return a number as Python's repr writes it.
function pythonFloat(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  }
  const text = String(value);
  return text.includes(".") ? text : `${text}.0`;
}
