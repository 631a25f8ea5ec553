// One message, drawn.

import { formatted, h, icon } from "./dom.js";
import { state } from "./state.js";
import { clock, words } from "./words.js";

const TICKS = { pending: "clock", sent: "tick", delivered: "ticks", read: "ticks", error: "error" };

export function bubble(message, { onmenu, onpicture }) {
  const isMine = message.from === state.role;
  const body = message.is_revoked ? [h("p", { class: "deleted" }, words().deleted)] : content(message, onpicture);
  const classes = ["bubble", isMine ? "mine" : "theirs", message.type];
  return h(
    "article",
    {
      class: classes.join(" "),
      "data-id": message.plain_id,
      "data-from": message.from,
      "data-ticks": message.ticks,
      "aria-label": `${isMine ? words().me : nameOf(message)}, ${clock(message.at)}`,
      oncontextmenu: (event) => { event.preventDefault(); onmenu(message, event.currentTarget); },
    },
    sourceOf(message),
    message.is_revoked ? null : quoteOf(message),
    ...body,
    h("footer", {}, ...footer(message, isMine)),
    reactions(message),
    message.is_revoked ? null : menuButton(message, onmenu),
  );
}

export const divider = (text) => h("p", { class: "divider" }, h("span", {}, text));

export const typingBubble = () =>
  h("div", { class: "bubble theirs typing", "aria-hidden": "true" }, h("i"), h("i"), h("i"));

/** A line for lists: what the message is, in few words. */
export function summary(message) {
  if (!message) return "";
  if (message.is_revoked) return words().deleted;
  const kinds = { image: "📷", voice: "🎤", video: "🎬", file: "📄", location: "📍" };
  const text = message.text || message.filename || message.location?.name || "";
  const kind = kinds[message.type];
  if (!kind) return text;
  return `${kind} ${text || words()[message.type] || ""}`;
}

export function tick(message) {
  const mark = icon(TICKS[message.ticks], words().ticks[message.ticks]);
  mark.classList.add("tick", message.ticks);
  return mark;
}

export function nameOf(message) {
  if (message.from === "shop") return state.session.shop;
  return state.customers.get(message.customer)?.name ?? message.customer;
}

function content(message, onpicture) {
  const text = message.text ? h("p", { class: "text", dir: "auto" }, ...formatted(message.text)) : null;
  const source = message.mimetype ? state.phones.media(message) : null;
  switch (message.type) {
    case "image":
      return [picture(message, source, onpicture), text];
    case "voice":
      return [h("audio", { controls: true, preload: "metadata", src: source, "aria-label": words().voice }), text];
    case "video":
      return [h("video", { controls: true, preload: "metadata", src: source }), text];
    case "file":
      return [document_(message, source), text];
    case "location":
      return [place(message.location)];
    default:
      return [text];
  }
}

function picture(message, source, onpicture) {
  const image = h("img", { src: source, alt: message.text || words().picture, loading: "lazy" });
  return h("button", { type: "button", class: "picture", title: words().picture, onclick: () => onpicture(source, image.alt) }, image);
}

function document_(message, source) {
  const size = `${Math.max(1, Math.round(message.size / 1024))} kB`;
  const name = message.filename ?? words().file;
  return h("a", { class: "file", href: source, download: name }, icon("file"), h("span", {}, name, h("small", {}, size)));
}

function place(location) {
  const where = `${location.latitude.toFixed(5)}, ${location.longitude.toFixed(5)}`;
  return h(
    "div",
    { class: "place" },
    h("div", { class: "map", "aria-hidden": "true" }, icon("place")),
    h("strong", {}, location.name ?? words().location),
    h("small", {}, location.address ?? where),
  );
}

function quoteOf(message) {
  const quoted = message.reply_to;
  if (!quoted) return null;
  const name = nameOf({ from: quoted.from, customer: message.customer });
  return h("blockquote", { "data-of": quoted.from }, h("strong", {}, name), h("span", {}, summary(quoted)));
}

/** On the owner's phone it matters who spoke for the shop. */
function sourceOf(message) {
  if (state.role !== "shop" || message.from !== "shop") return null;
  const isBot = message.source === "api";
  return h("small", { class: `source ${isBot ? "bot" : "owner"}` }, isBot ? words().bot : words().owner);
}

function footer(message, isMine) {
  const edited = message.is_edited && !message.is_revoked ? h("span", {}, words().edited) : null;
  const time = h("time", { datetime: new Date(message.at * 1000).toISOString() }, clock(message.at));
  return [edited, time, isMine && !message.is_revoked ? tick(message) : null].filter(Boolean);
}

function reactions(message) {
  const given = [...new Set(Object.values(message.reactions))];
  return given.length ? h("span", { class: "reactions" }, given.join("")) : null;
}

function menuButton(message, onmenu) {
  return h(
    "button",
    {
      type: "button",
      class: "more",
      title: words().more,
      "aria-label": words().more,
      "aria-haspopup": "menu",
      onclick: (event) => onmenu(message, event.currentTarget.closest(".bubble")),
    },
    icon("more"),
  );
}
