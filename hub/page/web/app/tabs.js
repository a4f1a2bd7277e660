// The tabs: the open one is in the address, so that links to it, Back and Forward work.
const FIRST = "image";

// Listen to the tabs; return the function that opens one by its name.
export function listenToTabs(root) {
  const tabs = [...root.querySelectorAll("[role=tab]")], nameOf = (tab) => tab.id.replace(/^view-|-button$/g, "");
  const show = (name) => {
    for (const tab of tabs) {
      const isOpen = nameOf(tab) === name;
      tab.ariaSelected = isOpen;
      tab.tabIndex = isOpen ? 0 : -1;
      root.querySelector(`#view-${nameOf(tab)}`).hidden = !isOpen;
    }
  };
  const inAddress = () => {
    const name = new URLSearchParams(location.search).get("view");
    return tabs.some((tab) => nameOf(tab) === name) ? name : FIRST;
  };
  const open = (name) => {
    if (name === inAddress()) return;
    const address = new URL(location.href);
    if (name === FIRST) address.searchParams.delete("view");
    else address.searchParams.set("view", name);
    history.pushState({}, "", address);
    show(name);
  };
  const list = root.querySelector("[role=tablist]");
  list.addEventListener("click", ({ target }) => target.closest("[role=tab]") && open(nameOf(target.closest("[role=tab]"))));
  list.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key], at = tabs.indexOf(event.target.closest("[role=tab]"));
    if (!step || at < 0) return;
    const next = tabs[(at + step + tabs.length) % tabs.length];
    next.focus();
    open(nameOf(next));
    event.preventDefault();
  });
  addEventListener("popstate", () => show(inAddress()));
  show(inAddress());
  return open;
}
