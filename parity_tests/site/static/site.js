// The twin view: tabs that stay chosen on all pages, and arrow keys from row to row;
// and what of the pages the keyboard would not reach.
"use strict";
(() => {
  const KEY = "tf-parity-side";
  const SIDES = ["TF1", "TF2"];
  const root = document.documentElement;
  // The words of this script, in the page's language.
  const words = JSON.parse(document.getElementById("site-words")?.textContent ?? "{}");
  const stored = () => {
    try { return localStorage.getItem(KEY); } catch { return null; }  // file: in some browsers
  };
  const choose = side => {
    root.dataset.side = side;
    try { localStorage.setItem(KEY, side); } catch { /* chosen for this page only */ }
    for (const tab of document.querySelectorAll(".twin-tabs button"))
      tab.setAttribute("aria-selected", String(tab.textContent === side));
    for (const tab of document.querySelectorAll(".twin-tabs button"))
      tab.tabIndex = tab.textContent === side ? 0 : -1;
  };
  for (const twin of document.querySelectorAll(".twin")) {
    const tabs = document.createElement("div");
    tabs.className = "twin-tabs";
    tabs.setAttribute("role", "tablist");
    tabs.setAttribute("aria-label", words.which ?? "Which program");
    for (const side of SIDES) {
      const tab = document.createElement("button");
      tab.type = "button";
      tab.setAttribute("role", "tab");
      tab.textContent = side;
      tab.addEventListener("click", () => choose(side));
      tab.addEventListener("keydown", event => {
        if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
        const other = SIDES[1 - SIDES.indexOf(side)];
        choose(other);
        tabs.querySelector("[aria-selected=true]").focus();
      });
      tabs.append(tab);
    }
    twin.querySelector(".twin-head").prepend(tabs);
    for (const row of twin.querySelectorAll(".twin-row:not([tabindex])"))
      row.tabIndex = -1;
    twin.addEventListener("keydown", event => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step || !event.target.matches(".twin-row")) return;
      const rows = [...twin.querySelectorAll(".twin-row")];
      const next = rows[rows.indexOf(event.target) + step];
      if (!next) return;
      event.preventDefault();
      event.target.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  }
  // What the theme leaves out: the keyboard reaches what scrolls, landmarks have names.
  for (const region of document.querySelectorAll("pre, .table-wrapper"))
    if (region.scrollWidth > region.clientWidth && !region.closest(".twin"))
      region.tabIndex = 0;
  for (const [kind, name] of [["sidebar", words.pages], ["toc", words.contents]])
    document.querySelector(`aside.${kind}-drawer`)?.setAttribute("aria-label", name);
  root.classList.add("scripted");
  choose(SIDES.includes(stored()) ? stored() : SIDES[0]);
})();
