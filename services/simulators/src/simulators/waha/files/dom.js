// Small ways to make and find elements.

export const $ = (selector, root = document) => root.querySelector(selector);

const SVG = "http://www.w3.org/2000/svg";

/** h("p", { class: "x", onclick: f }, "text", child, null): what is null is left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function icon(name, title = null) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  svg.setAttribute("class", `i-${name}`);
  if (title) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", title);
  } else svg.setAttribute("aria-hidden", "true");
  return svg;
}

/** A coloured disc with somebody's initials. */
export function avatar(element, name, key) {
  const initials = name.replace(/[^\p{L}\p{N} ]/gu, "").trim().split(/\s+/).slice(0, 2);
  element.textContent = initials.map((word) => word[0] ?? "").join("").toUpperCase();
  let hue = 0;
  for (const letter of key) hue = (hue * 31 + letter.codePointAt(0)) % 360;
  element.style.setProperty("--hue", hue);
  return element;
}

let fading;

/** A sentence at the bottom that goes away by itself. */
export function toast(sentence) {
  const place = $("#toast");
  place.textContent = sentence;
  place.hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => { place.hidden = true; }, 3500);
}

const MARKED = /(https?:\/\/[^\s]+|(?<![\p{L}\p{N}])[*_~`](?=\S)[^\n*_~`]+(?<=\S)[*_~`](?![\p{L}\p{N}]))/gu;
const TAGS = { "*": "strong", _: "em", "~": "s", "`": "code" };

/** WhatsApp's *bold*, _italic_, ~struck~ and `code`, and links; nothing else becomes anything. */
export function formatted(text) {
  return text.split(MARKED).map((part, i) => {
    if (i % 2 === 0) return part;
    if (part.startsWith("http")) {
      return h("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part);
    }
    return part[0] === part.at(-1) ? h(TAGS[part[0]], {}, part.slice(1, -1)) : part;
  });
}
