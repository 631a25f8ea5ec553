// What the page says, in Indonesian and in English.

const WORDS = {
  id: {
    add: "Tambah pelanggan", attach: "Lampirkan", back: "Kembali ke daftar", bot: "bot",
    call: "Panggil toko", called: "Panggilan terkirim", cancel: "Batal", close: "Tutup",
    customers: "Daftar pelanggan", deleted: "Pesan ini telah dihapus", edit: "Ubah",
    edited: "diedit", editing: "Mengubah pesan", error: "Tidak berhasil", file: "Dokumen",
    foot: "Simulator — tidak ada pesan WhatsApp sungguhan yang dikirim.",
    hide: "Sembunyikan nomor (kirim sebagai @lid)", image: "Foto dari perangkat ini",
    language: "English", location: "Lokasi", me: "Anda", messages: "Percakapan",
    name: "Nama", noCustomers: "Belum ada pelanggan. Tambahkan satu untuk mulai mengobrol.",
    noSession: "Belum ada sesi WhatsApp", noMic: "Mikrofon tidak tersedia, rekaman senyap dikirim",
    online: "online", owner: "dari HP toko", pair: "Hubungkan (pindai QR)", phone: "Nomor WhatsApp",
    picture: "Gambar", react: "Beri reaksi", record: "Rekam pesan suara", remove: "Hapus untuk semua",
    reply: "Balas", replying: "Membalas", roleCustomer: "Pelanggan", roleShop: "Pemilik",
    sample: "Foto contoh", save: "Simpan", send: "Kirim", session: "Toko", shop: "Toko",
    stop: "Hentikan dan kirim rekaman", today: "Hari ini", toEnd: "Ke pesan terbaru",
    typing: "sedang mengetik…", unread: "belum dibaca", voice: "Pesan suara contoh",
    welcome: "HP pelanggan", whose: "HP siapa yang sedang dipakai", write: "Ketik pesan",
    welcomeMore: "Pilih pelanggan untuk mengobrol dengan toko, persis seperti di WhatsApp. Anda juga bisa memegang HP pemilik toko.",
    more: "Pilihan untuk pesan ini", yesterday: "Kemarin",
    STARTING: "sedang menyambung", STOPPED: "berhenti",
    SCAN_QR_CODE: "menunggu pindai QR", FAILED: "gagal tersambung", WORKING: "terhubung",
    ticks: { pending: "menunggu", sent: "terkirim", delivered: "sampai", read: "dibaca", error: "gagal" },
  },
  en: {
    add: "Add a customer", attach: "Attach", back: "Back to the list", bot: "bot",
    call: "Call the shop", called: "The shop's phone rang", cancel: "Cancel", close: "Close",
    customers: "Customers", deleted: "This message was deleted", edit: "Edit",
    edited: "edited", editing: "Editing", error: "That did not work", file: "Document",
    foot: "A simulator — no real WhatsApp message is sent.",
    hide: "Hide the number (write as @lid)", image: "Photo from this device",
    language: "Indonesia", location: "Location", me: "You", messages: "Conversation",
    name: "Name", noCustomers: "Nobody here yet. Add a customer to start chatting.",
    noSession: "There is no WhatsApp session yet", noMic: "No microphone here: a silent note was sent",
    online: "online", owner: "from the shop's phone", pair: "Connect (scan the QR code)", phone: "WhatsApp number",
    picture: "Picture", react: "React", record: "Record a voice note", remove: "Delete for everyone",
    reply: "Reply", replying: "Replying to", roleCustomer: "Customer", roleShop: "Owner",
    sample: "Sample photo", save: "Save", send: "Send", session: "Shop", shop: "Shop",
    stop: "Stop and send the recording", today: "Today", toEnd: "To the latest message",
    typing: "typing…", unread: "unread", voice: "Sample voice note",
    welcome: "The customers' phones", whose: "Whose phone you hold", write: "Type a message",
    welcomeMore: "Pick a customer and chat with the shop, just as on WhatsApp. You can hold the shop owner's phone, too.",
    more: "Options for this message", yesterday: "Yesterday",
    STARTING: "connecting", STOPPED: "stopped",
    SCAN_QR_CODE: "waiting for a scan", FAILED: "could not connect", WORKING: "connected",
    ticks: { pending: "waiting", sent: "sent", delivered: "delivered", read: "read", error: "failed" },
  },
};

const asked = new URLSearchParams(location.search).get("lang");
const usual = navigator.language.startsWith("id") ? "id" : "en";
let language = WORDS[asked] ? asked : usual;

export const words = () => WORDS[language];

const locale = () => (language === "id" ? "id-ID" : "en-GB");

export function switchLanguage() {
  language = language === "id" ? "en" : "id";
  speak();
}

/** Put the words wherever the page has a place for them. */
export function speak(root = document) {
  document.documentElement.lang = language;
  for (const [attribute, put] of Object.entries(PLACES)) {
    for (const element of root.querySelectorAll(`[data-${attribute}]`)) {
      put(element, words()[element.dataset[attribute]]);
    }
  }
}

const PLACES = {
  text: (element, word) => { element.textContent = word; },
  label: (element, word) => element.setAttribute("aria-label", word),
  title: (element, word) => { element.title = word; element.setAttribute("aria-label", word); },
  placeholder: (element, word) => { element.placeholder = word; },
};

export const clock = (at) =>
  new Date(at * 1000).toLocaleTimeString(locale(), { hour: "2-digit", minute: "2-digit" });

export function day(at) {
  const days = Math.round((midnight(Date.now()) - midnight(at * 1000)) / 86_400_000);
  if (days === 0) return words().today;
  if (days === 1) return words().yesterday;
  return new Date(at * 1000).toLocaleDateString(locale(), { day: "numeric", month: "long", year: "numeric" });
}

function midnight(ms) {
  return new Date(ms).setHours(0, 0, 0, 0);
}
