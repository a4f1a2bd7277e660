// Print or save a report: a copy of the sheet at the end of the page, with what the viewer shows and the date.
const PRINTING = "printing-report";

function clear() {
  document.querySelector("body > .report-sheet")?.remove();
  document.documentElement.classList.remove(PRINTING);
}

function picturesOf(button) {
  const place = button.closest("[role=tabpanel]") ?? document;
  const film = [...place.querySelectorAll(".film")].find((each) => each.checkVisibility());
  return { grey: film?.querySelector(".grey")?.src, heat: film?.querySelector(".heat")?.src };
}

async function print(button) {
  clear();
  const sheet = button.parentElement.querySelector(".report-sheet").cloneNode(true);
  const { grey, heat } = picturesOf(button);
  for (const image of sheet.querySelectorAll(".report-grey")) image.src = grey ?? "";
  const heated = sheet.querySelector(".report-heated"); // not where the check warned
  if (heat && heated) sheet.querySelector(".report-heat").src = heat;
  else heated?.remove();
  const now = new Date();
  const time = sheet.querySelector("time");
  time.dateTime = now.toISOString();
  time.textContent = now.toLocaleString(sheet.lang, { dateStyle: "long", timeStyle: "short" });
  sheet.hidden = false;
  document.body.append(sheet);
  document.documentElement.classList.add(PRINTING);
  await Promise.allSettled([...sheet.querySelectorAll("img")].map((image) => image.decode()));
  window.print();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-report]");
  if (button) print(button);
});
window.addEventListener("afterprint", clear);
