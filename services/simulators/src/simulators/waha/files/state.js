// What the page knows, and who wants to hear that it changed.

export const state = {
  sessions: [],
  session: null,
  phones: null,
  /** phone -> customer, with `last` and `unread` */
  customers: new Map(),
  /** phone -> (plain id -> message), of the chats that were opened */
  chats: new Map(),
  open: null,
  /** whose phone one holds: customer or shop */
  role: "customer",
  /** phone -> which sides are typing */
  typing: new Map(),
  replyTo: null,
  editing: null,
};

const listeners = new Set();
let isPlanned = false;

export const onChange = (listener) => listeners.add(listener);

/** Draw everything anew, once, however many changes there are. */
export function changed() {
  if (isPlanned) return;
  isPlanned = true;
  requestAnimationFrame(() => {
    isPlanned = false;
    for (const listener of listeners) listener();
  });
}

export const openCustomer = () => state.customers.get(state.open) ?? null;

export const otherSide = () => (state.role === "customer" ? "shop" : "customer");

export const messagesOf = (phone) => [...(state.chats.get(phone)?.values() ?? [])];

/** What the holder of the phone has not read in the open chat. */
export const unreadIn = (phone) =>
  messagesOf(phone).filter((one) => one.from === otherSide() && one.ticks === "delivered");

/** Take what an event or an answer says of a message. */
export function keep(message) {
  const chat = state.chats.get(message.customer);
  chat?.set(message.plain_id, message);
  const customer = state.customers.get(message.customer);
  if (!customer) return;
  const isNew = !customer.last || customer.last.at <= message.at;
  if (isNew || customer.last.plain_id === message.plain_id) customer.last = message;
  state.typing.get(message.customer)?.delete(message.from);
  changed();
}
