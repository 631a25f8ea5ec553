// The open chat: its messages, its menu, and that reading it is noticed.

import { bubble, divider, nameOf, summary, typingBubble } from "./bubbles.js";
import { $, avatar, h, toast } from "./dom.js";
import { changed, keep, messagesOf, onChange, openCustomer, otherSide, state, unreadIn } from "./state.js";
import { day, words } from "./words.js";

const EMOJI = ["👍", "❤️", "😂", "😮", "😢", "🙏"];
const NEAR_PX = 120;

const place = () => $("#messages");
/** plain id -> [what it was drawn from, the element] */
let drawn = new Map();
let drawnFor = "";
let marking = null;
let isAtEnd = true;

export function startChat() {
  onChange(draw);
  $("#to-end").addEventListener("click", () => toEnd("smooth"));
  place().addEventListener("scroll", showToEnd, { passive: true });
  // A picture that has loaded pushes the end away from who looks at it.
  place().addEventListener("load", () => { if (isAtEnd) toEnd("instant"); }, true);
  document.addEventListener("visibilitychange", markRead);
  document.addEventListener("pointerdown", closeMenu);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hideMenu(); });
  for (const role of document.querySelectorAll(".roles button")) {
    role.addEventListener("click", () => hold(role.dataset.role));
    role.addEventListener("keydown", (event) => {
      if (!event.key.startsWith("Arrow")) return;
      hold(otherSide());
      $(`.roles [data-role="${state.role}"]`).focus();
    });
  }
}

export async function open(phone) {
  state.open = phone;
  state.replyTo = state.editing = null;
  $("#app").dataset.pane = "chat";
  remember();
  changed();
  if (!state.chats.has(phone)) state.chats.set(phone, new Map());
  for (const message of await state.phones.messages(phone)) keep(message);
  changed();
  requestAnimationFrame(() => requestAnimationFrame(() => toEnd("instant")));
  if (matchMedia("(hover: hover)").matches) $("#text").focus();
}

export function close() {
  state.open = null;
  $("#app").dataset.pane = "list";
  remember();
  changed();
}

/** Take the phone of the customer, or of the shop. */
export function hold(role) {
  state.role = role;
  state.replyTo = state.editing = null;
  drawn.clear();
  remember();
  changed();
}

/** The address in the browser leads back to what is on the screen. */
function remember() {
  const query = new URLSearchParams(location.search);
  const facts = { session: state.session?.name, customer: state.open, role: state.role === "shop" ? "shop" : null };
  for (const [name, value] of Object.entries(facts)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  history.replaceState(null, "", `?${query}`);
}

function draw() {
  const customer = openCustomer();
  $("#app").dataset.role = state.role;
  $("#welcome").hidden = Boolean(customer);
  for (const part of ["#chat-bar", "#composer"]) $(part).hidden = !customer;
  place().hidden = !customer;
  if (!customer) {
    $("#to-end").hidden = true;
    return;
  }
  drawBar(customer);
  drawMessages(customer);
  markRead();
}

function drawBar(customer) {
  const isCustomer = state.role === "customer";
  const peer = isCustomer ? state.session.shop : customer.name;
  const isTyping = state.typing.get(customer.phone)?.has(otherSide());
  $("#peer").textContent = peer;
  avatar($("#peer-avatar"), peer, isCustomer ? state.session.phone : customer.phone);
  const number = customer.is_phone_hidden ? `${customer.lid}@lid` : `+${customer.phone}`;
  $("#peer-state").textContent = isTyping ? words().typing : isCustomer ? words().online : number;
  $("#peer-state").classList.toggle("is-typing", Boolean(isTyping));
  for (const role of document.querySelectorAll(".roles button")) {
    const isChosen = role.dataset.role === state.role;
    role.setAttribute("aria-checked", isChosen);
    role.tabIndex = isChosen ? 0 : -1;
  }
}

function drawMessages(customer) {
  const key = `${state.session.name} ${customer.phone} ${document.documentElement.lang} ${state.role}`;
  const isOther = key !== drawnFor;
  if (isOther) drawn = new Map();
  drawnFor = key;
  const stays = isOther || isNearEnd();
  const messages = messagesOf(customer.phone).sort((one, other) => one.at - other.at);
  const nodes = [];
  let last = null;
  for (const message of messages) {
    if (day(message.at) !== last) nodes.push(divider((last = day(message.at))));
    nodes.push(reused(message));
  }
  if (state.typing.get(customer.phone)?.has(otherSide())) nodes.push(typingBubble());
  replace(nodes);
  if (stays || messages.at(-1)?.plain_id === justSent) toEnd("instant");
  justSent = null;
  showToEnd();
}

let justSent = null;

/** The chat moves to what one has written oneself. */
export function sent(message) {
  keep(message);
  justSent = message.plain_id;
}

function reused(message) {
  const facts = JSON.stringify(message);
  const [known, element] = drawn.get(message.plain_id) ?? [];
  if (known === facts) return element;
  const fresh = bubble(message, { onmenu: showMenu, onpicture: showPicture });
  if (known) fresh.classList.add("known");
  drawn.set(message.plain_id, [facts, fresh]);
  return fresh;
}

/** Only what differs is touched: a voice note that plays goes on playing. */
function replace(nodes) {
  const wanted = new Set(nodes);
  for (const node of [...place().children]) if (!wanted.has(node)) node.remove();
  nodes.forEach((node, i) => {
    if (place().children[i] !== node) place().insertBefore(node, place().children[i] ?? null);
  });
}

const isNearEnd = () => place().scrollHeight - place().scrollTop - place().clientHeight < NEAR_PX;

function toEnd(behavior) {
  place().scrollTo({ top: place().scrollHeight, behavior });
}

function showToEnd() {
  isAtEnd = isNearEnd();
  $("#to-end").hidden = !state.open || isAtEnd;
}

/** A moment later, so that one sees the ticks turn blue. */
function markRead() {
  const phone = state.open;
  if (!phone || document.hidden || marking || !unreadIn(phone).length) return;
  const reader = state.role;
  marking = setTimeout(async () => {
    marking = null;
    if (state.open !== phone || state.role !== reader) return;
    await state.phones.read(phone, reader).catch(() => {});
    if (reader === "customer") state.customers.get(phone).unread = 0;
    changed();
  }, 500);
}

function showPicture(source, name) {
  const viewer = $("#viewer");
  $("img", viewer).src = source;
  $("img", viewer).alt = name;
  viewer.showModal();
}

function showMenu(message, near) {
  if (message.is_revoked) return;
  const menu = $("#actions");
  const isMine = message.from === state.role;
  const isText = message.type === "text";
  menu.replaceChildren(
    h("div", { class: "emoji" }, ...EMOJI.map((emoji) => emojiButton(message, emoji))),
    item(words().reply, () => { state.replyTo = message; changed(); $("#text").focus(); }),
    isMine && isText ? item(words().edit, () => edit(message)) : "",
    isMine ? item(words().remove, () => done(state.phones.remove(message))) : "",
  );
  menu.hidden = false;
  const box = near.getBoundingClientRect();
  const left = Math.min(box.left + 8, innerWidth - menu.offsetWidth - 8);
  const top = Math.min(box.bottom + 4, innerHeight - menu.offsetHeight - 8);
  menu.style.setProperty("left", `${Math.max(8, left)}px`);
  menu.style.setProperty("top", `${Math.max(8, top)}px`);
  $("button", menu).focus();
}

function emojiButton(message, emoji) {
  const isGiven = message.reactions[state.role] === emoji;
  const act = () => done(state.phones.react(message, isGiven ? "" : emoji, state.role));
  return h("button", { type: "button", role: "menuitem", "aria-pressed": String(isGiven), title: `${words().react} ${emoji}`, onclick: () => { hideMenu(); act(); } }, emoji);
}

function item(text, act) {
  return h("button", { type: "button", role: "menuitem", onclick: () => { hideMenu(); act(); } }, text);
}

function edit(message) {
  state.editing = message;
  state.replyTo = null;
  $("#text").value = message.text;
  changed();
  $("#text").focus();
}

async function done(action) {
  try {
    keep(await action);
  } catch {
    toast(words().error);
  }
}

function closeMenu(event) {
  if (!$("#actions").contains(event.target)) hideMenu();
}

function hideMenu() {
  $("#actions").hidden = true;
}

/** What the line above the text says while one replies or edits. */
export function aboutLine() {
  if (state.editing) return `${words().editing}: ${summary(state.editing)}`;
  if (state.replyTo) return `${words().replying} ${nameOf(state.replyTo)}: ${summary(state.replyTo)}`;
  return "";
}
