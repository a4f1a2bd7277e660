// The words of the page in the visitor's language: those of the Gradio page, from page.json.

// Return the function that says a phrase, words("card.hundred", { count: 93 }), with `language` as a property.
export function wordsFor(page, languages = navigator.languages) {
  const language = languages.map((each) => each.toLowerCase().split("-")[0]).find((each) => each in page.words) ?? "en";
  const known = { ...page.words.en, ...page.words[language] };
  const isRadiograph = page.model.radiograph ?? true;
  const words = (name, values = {}) => {
    const phrase = (!isRadiograph && known[`other.${name}`]) || known[name];
    if (phrase === undefined) throw new Error(`There are no words for ${name}.`);
    return phrase.replace(/\{(\w+)\}/g, (_, each) => values[each]);
  };
  return Object.assign(words, { language });
}

// Return a share of 1 in per cent, with a no-break space, as hub/text.py does.
export function percent(share) {
  if (share > 0 && share < 0.0005) return "under 0.1\u00a0%";
  if (share >= 0.9995 && share < 1) return "over 99.9\u00a0%";
  const digits = share >= 0.095 && share <= 0.99 ? 0 : 1;
  return `${(100 * share).toFixed(digits).replace(/\.0$/, "")}\u00a0%`;
}

export const thousands = (count) => count.toLocaleString("en");
