// HTML from template strings, in which every value is escaped unless it is HTML itself.
class Html extends String {}

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;" };
const escaped = (value) => {
  if (value instanceof Html) return value;
  if (Array.isArray(value)) return value.map(escaped).join("");
  if (value === null || value === undefined || value === false) return "";
  return String(value).replace(/[&<>"']/g, (letter) => ESCAPES[letter]);
};

export const html = (parts, ...values) => new Html(String.raw({ raw: parts }, ...values.map(escaped)));

// Put HTML into an element. The page's policy forbids style attributes, so styles are in data-css and set here.
export function fill(element, content) {
  element.innerHTML = escaped(content);
  for (const styled of element.querySelectorAll("[data-css]")) {
    styled.style.cssText = styled.dataset.css;
    styled.removeAttribute("data-css");
  }
  return element;
}
