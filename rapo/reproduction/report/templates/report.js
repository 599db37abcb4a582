// What the page does beyond showing: it opens what a link leads to, filters, sorts, explains words, enlarges figures.
"use strict";
const all = (query, within = document) => [...within.querySelectorAll(query)];
const byId = (id) => document.getElementById(id);
const narrow = matchMedia("(max-width: 60rem)");

function reveal(hash) {
  const target = byId(decodeURIComponent(hash.slice(1)));
  if (!target) return;
  if (target.closest("[hidden]")) byId("filter").reset();
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  target.scrollIntoView();
}

// On a phone the contents and the filter are menus: shut until they are asked for, and after a choice.
const menus = all(".rail > details");
const shut = () => { if (narrow.matches) menus.forEach((menu) => { menu.open = false; }); };
shut();
narrow.addEventListener("change", () => menus.forEach((menu) => { menu.open = !narrow.matches; }));
menus.forEach((menu) => menu.addEventListener("toggle", () => {
  if (menu.open && narrow.matches) menus.forEach((other) => { if (other !== menu) other.open = false; });
}));

// There, too: the scorecard shows totals until a paper's groups are asked for, and a figure tells that it goes on.
for (const part of all("#grid tbody")) {
  const button = document.createElement("button");
  button.className = "unfold";
  const turn = (open) => {
    part.classList.toggle("shut", !open);
    button.ariaExpanded = open;
    button.textContent = open ? "fewer" : `its ${part.rows.length - 1} groups`;
  };
  button.addEventListener("click", () => turn(part.classList.contains("shut")));
  part.querySelector("th").append(button);
  turn(false);
}
const wide = new ResizeObserver((seen) => {
  for (const { target } of seen) target.classList.toggle("cut", target.scrollWidth > target.clientWidth + 1);
});
for (const picture of all(".picture")) wide.observe(picture);

const form = byId("filter");
const claims = all(".claim");
const groups = all(".group");
const texts = new Map();
const text = (claim) => {
  if (!texts.has(claim)) texts.set(claim, claim.textContent.toLowerCase());
  return texts.get(claim);
};
const premise = (claim, asked) =>
  /^\d+$/.test(asked) ? claim.dataset.lacks.includes(` ${asked} `) : claim.dataset.footing === asked;

function sift() {
  const asked = Object.fromEntries(new FormData(form));
  const words = asked.search.toLowerCase().split(/\s+/).filter(Boolean);
  const active = Object.values(asked).some(Boolean);
  let left = 0;
  for (const claim of claims) {
    const fits = ["paper", "verdict", "kind"].every((name) => !asked[name] || claim.dataset[name] === asked[name])
      && (!asked.premise || premise(claim, asked.premise)) && words.every((word) => text(claim).includes(word));
    claim.hidden = !fits;
    left += fits;
  }
  for (const group of groups) {
    const some = all(".claim", group).some((claim) => !claim.hidden);
    group.hidden = active && !some;
    const more = group.querySelector(".more");
    if (more) more.open = active && some;
  }
  for (const chapter of all(".chapter")) chapter.hidden = all(".group", chapter).every((group) => group.hidden);
  for (const row of all("[data-claim]")) row.hidden = byId(row.dataset.claim).hidden;
  form.elements.count.value = active ? `${left} of ${claims.length} claims` : `${claims.length} claims`;
  byId("none").hidden = left > 0 || !active;
}
form.addEventListener("input", sift);
form.addEventListener("reset", () => setTimeout(sift));
form.addEventListener("submit", (event) => { event.preventDefault(); shut(); });

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (!link) return;
  if (link.dataset.verdict) {
    form.reset();
    for (const name of ["paper", "kind", "verdict"]) form.elements[name].value = link.dataset[name];
    sift();
  }
  shut();
  if (link.hash === location.hash) reveal(link.hash);
});
addEventListener("hashchange", () => reveal(location.hash));
if (location.hash) reveal(location.hash);

// A click on a heading sorts by its column, another one turns the order round.
const value = (row, column) => (row.cells[column]?.textContent ?? "").trim();
const number = (words) => parseFloat(words.replace(/\u2212/g, "-").replace(/^\[/, ""));
function compare(one, other) {
  const [a, b] = [number(one), number(other)];
  return Number.isNaN(a) || Number.isNaN(b) ? one.localeCompare(other, "en", { numeric: true }) : a - b;
}
for (const table of all("table.sortable")) {
  const headings = [...(table.tHead?.rows[0]?.cells ?? [])];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const turn = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", turn > 0 ? "ascending" : "descending");
      const body = table.tBodies[0];
      body.append(...[...body.rows].sort((a, b) => turn * compare(value(a, column), value(b, column))));
    });
  });
}

// A word's meaning while it is pointed at or has the focus.
const tip = byId("tip");
function explain(event) {
  const word = event.target.closest?.(".term");
  tip.hidden = !word;
  if (!word) return;
  tip.textContent = byId(`word-${word.dataset.word}`).textContent;
  word.setAttribute("aria-describedby", "tip");
  const place = word.getBoundingClientRect();
  const free = document.documentElement.clientWidth - tip.offsetWidth - 8;
  tip.style.left = `${Math.max(8, Math.min(place.left, free))}px`;
  const above = place.top - tip.offsetHeight - 6;
  tip.style.top = `${above > 60 ? above : place.bottom + 6}px`;
}
for (const kind of ["mouseover", "focusin"]) document.addEventListener(kind, explain);
document.addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });
addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });

// A figure in its own size.
const larger = byId("larger");
for (const link of all("a.picture")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const image = link.querySelector("img").cloneNode();
    image.loading = "eager";
    image.style.width = `${Math.max(Number(image.getAttribute("width")), 0.9 * innerWidth)}px`;
    larger.querySelector("div").replaceChildren(image);
    larger.showModal();
  });
}
larger.addEventListener("click", (event) => { if (event.target === larger) larger.close(); });
