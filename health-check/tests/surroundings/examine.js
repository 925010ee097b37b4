// Runs in the browser, in a copy of the report: what it shows, for a test to judge. Contrast as WCAG 2.2 defines it.
const colour = (text) => text.match(/[\d.]+/g).map(Number);
const luminance = (text) => {
  const [r, g, b] = colour(text).slice(0, 3).map((part) => part / 255).map((part) =>
    part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const paper = getComputedStyle(document.body).backgroundColor;
const contrast = (text) => {
  const [dark, light] = [luminance(text), luminance(paper)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
};
const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
const shown = (element) => {
  const box = element.getBoundingClientRect();
  return box.width > 0 && box.height > 0;
};
const plot = (svg) => {
  const lines = all("polyline", svg);
  const frame = svg.getBoundingClientRect();
  const inside = all("polyline, circle, rect, text, line", svg).every((element) => {
    const box = element.getBoundingClientRect();
    return box.left >= frame.left - 1 && box.right <= frame.right + 1 && box.top >= frame.top - 1 && box.bottom <= frame.bottom + 1;
  });
  const points = lines.map((line) => line.points.numberOfItems);
  const middle = all(".column", svg)[Math.floor(all(".column", svg).length / 2)];
  const box = middle?.getBoundingClientRect();
  return {
    id: svg.id,
    points: points.reduce((a, b) => a + b, 0) + all(".dot", svg).length,
    stretches: lines.length + all(".dot", svg).length,
    heights: lines.flatMap((line) => [...line.points].map((point) => point.y)),
    shown: shown(svg) && lines.every((line) => line.getBoundingClientRect().width > 0), // one may be level
    inside,
    label: svg.getAttribute("aria-label"),
    description: document.getElementById(svg.getAttribute("aria-describedby"))?.textContent,
    outages: all(".outage", svg).length,
    tooltips: all(".column > title", svg).map((title) => title.textContent),
    pointed: box ? document.elementsFromPoint(box.left + box.width / 2, box.top + box.height / 2).includes(middle) : null,
    line: Math.min(...lines.map((line) => contrast(getComputedStyle(line).stroke)), 99),
  };
};
all("svg").forEach((svg) => svg.scrollIntoView());
const texts = all("h1, h2, p, td, th, caption, summary").filter(shown).map((text) => contrast(getComputedStyle(text).color));
const labels = all("svg text").map((text) => contrast(getComputedStyle(text).fill));
const found = {
  title: document.title,
  dark: matchMedia("(prefers-color-scheme: dark)").matches,
  paper,
  plots: all("svg").map((svg) => { svg.scrollIntoView(); return plot(svg); }),
  text: Math.min(...texts, ...labels),
  verdict: document.querySelector(".good, .bad")?.textContent,
  rows: all("tbody tr").map((row) => all("td, th", row).map((cell) => cell.textContent)),
  foreign: all("i, script:not(#examine), img, iframe, a").length,
  fetched: performance.getEntriesByType("resource").map((entry) => entry.name),
  overflows: document.documentElement.scrollWidth > document.documentElement.clientWidth,
};
const place = document.createElement("pre");
place.id = "found";
place.textContent = JSON.stringify(found);
document.body.append(place);
