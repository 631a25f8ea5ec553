// The page: starts its parts, and listens to what happens on the phones.

import * as api from "./api.js";
import { close, hold, open, startChat } from "./chat.js";
import { startComposer } from "./composer.js";
import { $, h, toast } from "./dom.js";
import { meet, startPeople } from "./people.js";
import { changed, keep, state } from "./state.js";
import { speak, switchLanguage, words } from "./words.js";

const TYPING_LASTS_MS = 20_000;
const asked = new URLSearchParams(location.search);

let events = null;
let reloading = null;

async function start() {
  speak();
  $("#language").textContent = words().language;
  startPeople();
  startChat();
  startComposer();
  $("#back").addEventListener("click", close);
  $("#language").addEventListener("click", () => {
    switchLanguage();
    $("#language").textContent = words().language;
    changed();
  });
  $("#connect button").addEventListener("click", () => state.phones.pair().catch(() => toast(words().error)));
  $("#sessions").addEventListener("change", (event) => enter(event.target.value));
  if (asked.get("role") === "shop") hold("shop");
  await findSession();
}

/** The one that the address names, or the first; there may be none yet. */
async function findSession() {
  state.sessions = await api.sessions().catch(() => []);
  const names = state.sessions.map((one) => one.name);
  $("#sessions").replaceChildren(...state.sessions.map((one) => h("option", { value: one.name }, one.shop)));
  $(".sessions").hidden = names.length < 2;
  const wanted = asked.get("session");
  const name = names.includes(wanted) ? wanted : wanted ? null : names[0];
  if (!name) {
    changed();
    setTimeout(findSession, 2000);
    return;
  }
  await enter(name);
  const customer = asked.get("customer")?.replace(/^\+/, "");
  if (customer) {
    await meet(customer, asked.get("name")).catch(() => toast(words().error));
    if (state.customers.has(customer)) await open(customer);
  }
}

async function enter(name) {
  events?.close();
  state.session = state.sessions.find((one) => one.name === name);
  state.phones = api.phonesOf(name);
  state.customers.clear();
  state.chats.clear();
  state.typing.clear();
  if (state.open) close();
  $("#sessions").value = name;
  document.title = state.session.shop;
  await reload();
  listen();
}

function listen() {
  events = state.phones.events();
  const on = (event, act) => events.addEventListener(event, (frame) => act(JSON.parse(frame.data)));
  // Also after every break: what happened meanwhile was missed.
  on("hello", reload);
  on("message", hear);
  on("typing", seeTyping);
  on("customer", reloadSoon);
  on("session", (session) => { state.session = session; changed(); });
}

async function reload() {
  const customers = await state.phones.customers().catch(() => null);
  if (!customers) return;
  state.customers = new Map(customers.map((one) => [one.phone, one]));
  if (state.open && state.chats.has(state.open)) {
    for (const message of await state.phones.messages(state.open).catch(() => [])) keep(message);
  }
  changed();
}

function reloadSoon() {
  clearTimeout(reloading);
  reloading = setTimeout(reload, 150);
}

function hear(message) {
  const customer = state.customers.get(message.customer);
  keep(message);
  if (!customer || message.customer !== state.open) reloadSoon();
}

function seeTyping({ customer, from, is_typing }) {
  const sides = state.typing.get(customer) ?? new Map();
  state.typing.set(customer, sides);
  clearTimeout(sides.get(from));
  sides.delete(from);
  if (is_typing) {
    sides.set(from, setTimeout(() => { sides.delete(from); changed(); }, TYPING_LASTS_MS));
  }
  changed();
}

start();
