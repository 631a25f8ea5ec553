// The list of customers, and how new ones come.

import { summary, tick } from "./bubbles.js";
import { open } from "./chat.js";
import { $, avatar, h, toast } from "./dom.js";
import { onChange, state } from "./state.js";
import { clock, day, words } from "./words.js";

const ADDERS = ["#add", "#welcome-add"];

export function startPeople() {
  onChange(draw);
  for (const button of ADDERS) $(button).addEventListener("click", askForOne);
  $("#new-customer form").addEventListener("submit", addFromForm);
  $("#new-customer [value=cancel]").addEventListener("click", () => $("#new-customer").close());
  $("#customers").addEventListener("keydown", walk);
}

/** Somebody whom a link names exists from then on. */
export async function meet(phone, name) {
  if (state.customers.has(phone)) return;
  await add({ phone, ...(name ? { name } : {}) });
}

async function add(body) {
  const customer = await state.phones.add(body);
  const known = state.customers.get(customer.phone);
  state.customers.set(customer.phone, { last: null, unread: 0, ...known, ...customer });
}

function askForOne() {
  const form = $("#new-customer form");
  form.reset();
  form.elements.phone.value = `62812${String(Math.floor(Math.random() * 1e8)).padStart(8, "0")}`;
  $("#new-customer").showModal();
  form.elements.name.focus();
}

async function addFromForm(event) {
  event.preventDefault();
  const { name, phone, hidden } = event.target.elements;
  const digits = phone.value.replace(/^\+/, "");
  try {
    await add({ phone: digits, name: name.value.trim(), writes_as: hidden.checked ? "lid" : "phone", is_phone_hidden: hidden.checked });
    $("#new-customer").close();
    await open(digits);
  } catch {
    toast(words().error);
  }
}

function draw() {
  const people = [...state.customers.values()].sort((one, other) => (other.last?.at ?? 0) - (one.last?.at ?? 0));
  const list = $("#customers");
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.phone : null;
  list.replaceChildren(...people.map(line));
  if (focused) $(`[data-phone="${focused}"]`, list)?.focus();
  // Before there is a shop there is nobody to write to, and nowhere to add them.
  for (const button of ADDERS) $(button).disabled = !state.session;
  $("#no-customers").hidden = people.length > 0 || !state.session;
  const connect = $("#connect");
  const status = state.session?.status;
  connect.hidden = !status || status === "WORKING";
  if (!connect.hidden) $("span", connect).textContent = words()[status];
  $("button", connect).hidden = status !== "SCAN_QR_CODE";
  $("#shop-name").textContent = state.session?.shop ?? words().noSession;
  $("#status").textContent = status ? words()[status] : "";
  $("#status-dot").dataset.status = status ?? "";
}

function line(customer) {
  const isOpen = customer.phone === state.open;
  const isTyping = state.typing.get(customer.phone)?.has("shop");
  const unread = isOpen ? 0 : customer.unread;
  return h(
    "li",
    {},
    h(
      "button",
      { type: "button", "data-phone": customer.phone, "aria-current": isOpen ? "true" : null, onclick: () => open(customer.phone) },
      avatar(h("span", { class: "avatar", "aria-hidden": "true" }), customer.name, customer.phone),
      h("span", { class: "who" }, h("strong", {}, customer.name), when(customer.last)),
      h(
        "span",
        { class: "what" },
        isTyping ? h("em", {}, words().typing) : h("span", {}, mark(customer.last), summary(customer.last)),
        unread ? h("b", { class: "badge", "aria-label": `${unread} ${words().unread}` }, String(unread)) : null,
      ),
    ),
  );
}

const mark = (last) => (last && last.from === "customer" && !last.is_revoked ? tick(last) : null);

function when(last) {
  if (!last) return null;
  const isToday = day(last.at) === words().today;
  return h("time", {}, isToday ? clock(last.at) : day(last.at));
}

/** Arrow keys walk through the list. */
function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const buttons = [...$("#customers").querySelectorAll("button")];
  buttons[buttons.indexOf(document.activeElement) + step]?.focus();
}
