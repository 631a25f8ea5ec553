// The pretend phones, over HTTP.

const ROOT = "/phone/api";

async function ask(method, path, body) {
  const answer = await fetch(`${ROOT}/${path}`, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`);
  return answer.status === 204 ? null : answer.json();
}

export const sessions = () => ask("GET", "sessions");

/** Everything that can be done within one session. */
export function phonesOf(session) {
  const at = encodeURIComponent(session);
  const of = (customer) => `${at}/customers/${customer}`;
  const message = (one) => `${at}/messages/${encodeURIComponent(one.plain_id)}`;
  return {
    pair: () => ask("POST", `${at}/pair`),
    customers: () => ask("GET", `${at}/customers`),
    add: (customer) => ask("POST", `${at}/customers`, customer),
    messages: (customer) => ask("GET", `${of(customer)}/messages`),
    send: (customer, draft) => ask("POST", `${of(customer)}/messages`, draft),
    read: (customer, reader) => ask("POST", `${of(customer)}/read`, { reader }),
    typing: (customer, is_typing) => ask("POST", `${of(customer)}/typing`, { is_typing }),
    call: (customer) => ask("POST", `${of(customer)}/call`, {}),
    edit: (one, text) => ask("PUT", message(one), { text }),
    remove: (one) => ask("DELETE", message(one)),
    react: (one, emoji, writer) => ask("PUT", `${message(one)}/reaction`, { emoji, writer }),
    media: (one) => `${ROOT}/${message(one)}/media`,
    events: () => new EventSource(`${ROOT}/${at}/events`),
  };
}
