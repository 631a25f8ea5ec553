// Where one writes, attaches and records.

import { aboutLine, sent } from "./chat.js";
import { $, toast } from "./dom.js";
import { changed, keep, onChange, state } from "./state.js";
import { words } from "./words.js";

const TYPING_MS = 4000;
const PLACES = [
  { latitude: -6.17539, longitude: 106.82715, text: "Monas", address: "Gambir, Jakarta Pusat" },
  { latitude: -6.91486, longitude: 107.60824, text: "Gedung Sate", address: "Jl. Diponegoro, Bandung" },
  { latitude: -7.79258, longitude: 110.36585, text: "Malioboro", address: "Jl. Malioboro, Yogyakarta" },
];

let typingUntil = 0;
let quiet = null;
let recorder = null;

export function startComposer() {
  onChange(draw);
  const text = $("#text");
  text.addEventListener("input", () => { grow(); draw(); tellTyping(); });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    }
    if (event.key === "Escape") forget();
  });
  text.addEventListener("paste", pasted);
  $("#composer").addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  $("#about button").addEventListener("click", forget);
  $("#record").addEventListener("click", record);
  $("#pick").addEventListener("change", picked);
  startAttachments();
}

function startAttachments() {
  const button = $("#attach");
  const menu = $("#attachments");
  const show = (isShown) => {
    menu.hidden = !isShown;
    button.setAttribute("aria-expanded", isShown);
    if (isShown) $("button", menu).focus();
  };
  button.addEventListener("click", () => show(menu.hidden));
  document.addEventListener("pointerdown", (event) => {
    if (!menu.contains(event.target) && !button.contains(event.target)) show(false);
  });
  menu.addEventListener("keydown", (event) => {
    const items = [...menu.querySelectorAll("button")];
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (step) items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus();
    if (event.key === "Escape") { show(false); button.focus(); }
  });
  for (const item of menu.querySelectorAll("button")) {
    item.addEventListener("click", () => { show(false); attach(item.dataset.kind); });
  }
}

function draw() {
  const line = aboutLine();
  $("#about").hidden = !line;
  $("#about p").textContent = line;
  const hasText = Boolean($("#text").value.trim());
  $("#send").hidden = !hasText;
  $("#record").hidden = hasText;
  $("#attachments [data-kind=call]").hidden = state.role !== "customer";
}

function forget() {
  if (state.editing) setText("");
  state.replyTo = state.editing = null;
  changed();
}

async function submit() {
  const text = $("#text").value.trim();
  if (!text || !state.open) return;
  const { editing } = state;
  setText("");
  if (editing) {
    state.editing = null;
    await attempt(async () => keep(await state.phones.edit(editing, text)));
  } else await send({ text });
  changed();
}

async function send(draft) {
  const reply_to = state.replyTo?.plain_id;
  state.replyTo = null;
  stopTyping();
  const whole = { ...draft, writer: state.role, ...(reply_to ? { reply_to } : {}) };
  await attempt(async () => sent(await state.phones.send(state.open, whole)));
}

async function attempt(action) {
  try {
    await action();
  } catch {
    toast(words().error);
  }
}

function attach(kind) {
  const pick = $("#pick");
  switch (kind) {
    case "image":
    case "file":
      pick.accept = kind === "image" ? "image/*" : "";
      pick.dataset.kind = kind;
      pick.click();
      break;
    case "location":
      send({ type: "location", ...PLACES[Math.floor(Math.random() * PLACES.length)] });
      break;
    case "call":
      attempt(async () => { await state.phones.call(state.open); toast(words().called); });
      break;
    case "sample":
      send({ type: "image", text: takeText() });
      break;
    default:
      send({ type: "voice" });
  }
}

async function picked(event) {
  const [file] = event.target.files;
  const kind = event.target.dataset.kind;
  event.target.value = "";
  if (file) await sendFile(file, kind);
}

function pasted(event) {
  const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
  if (!file) return;
  event.preventDefault();
  sendFile(file, "image");
}

async function sendFile(blob, kind) {
  const data = await base64(blob);
  const mimetype = blob.type || "application/octet-stream";
  await send({ type: kind, data, mimetype, filename: kind === "file" ? blob.name : null, text: takeText() });
}

function base64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

/** Press to record, press again to send; without a microphone a silent note goes. */
async function record() {
  if (recorder) {
    recorder.stop();
    return;
  }
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const pieces = [];
    recorder = new MediaRecorder(stream);
    recorder.ondataavailable = (event) => pieces.push(event.data);
    recorder.onstop = () => {
      for (const track of stream.getTracks()) track.stop();
      const mimetype = recorder.mimetype;
      showRecording(null);
      sendFile(new Blob(pieces, { type: mimetype }), "voice");
    };
    recorder.start();
    showRecording(recorder);
  } catch {
    toast(words().noMic);
    await send({ type: "voice" });
  }
}

function showRecording(current) {
  recorder = current;
  const button = $("#record");
  button.classList.toggle("is-recording", Boolean(current));
  button.title = current ? words().stop : words().record;
  button.setAttribute("aria-label", button.title);
}

function tellTyping() {
  if (state.role !== "customer" || !state.open) return;
  const phone = state.open;
  if (Date.now() > typingUntil) state.phones.typing(phone, true).catch(() => {});
  typingUntil = Date.now() + TYPING_MS / 2;
  clearTimeout(quiet);
  quiet = setTimeout(stopTyping, TYPING_MS);
}

function stopTyping() {
  if (!typingUntil) return;
  typingUntil = 0;
  clearTimeout(quiet);
  if (state.open) state.phones.typing(state.open, false).catch(() => {});
}

function takeText() {
  const text = $("#text").value.trim();
  setText("");
  return text;
}

function setText(text) {
  $("#text").value = text;
  grow();
  draw();
}

function grow() {
  const text = $("#text");
  text.style.setProperty("height", "auto");
  text.style.setProperty("height", `${Math.min(text.scrollHeight, 140)}px`);
}
