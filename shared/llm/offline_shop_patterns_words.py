"""By which words the offline shop assistant knows what a customer wants, in two languages."""

import re


def _like(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_NOT = r"(?:gak|ga|nggak|ngga|gk|tidak|tdk)"
_DONE = r"(?:sudah|udah|sdh|udh|dah)"
_HOW_MANY = r"(?:brp|berapa|brapa)"

INJECTION = _like(
    r"\b(?:abaikan|lupakan|ignore|disregard|forget|override|bypass)\b.{0,40}"
    r"\b(?:instruksi|perintah|aturan|instructions?|rules?|prompts?|previous|sebelumnya|above)\b",
    r"\b(?:system|developer) ?(?:prompt|message|mode|override)\b",
    r"\b(?:prompt|instruksi|aturan) (?:kamu|anda|sistem|asli|rahasia)\b",
    r"\byour (?:system |secret )?(?:prompt|instructions|rules)\b",
    r"\b(?:you are now|pretend (?:to be|you)|kamu sekarang adalah|jailbreak|dan mode)\b",
    r"\b(?:mark|set|tandai|anggap|jadikan)\b.{0,30}\b(?:paid|lunas|free|gratis)\b",
    r"\b(?:diskon|discount|potongan)\b.{0,12}\b100 ?%",
    r"\b100 ?% (?:diskon|discount|off)\b",
    r"\b(?:harga(?:nya)?|price|total)\b.{0,20}\b(?:jadi|to|=) ?(?:rp ?)?[01]\b",
    r"^\s*(?:system|assistant|developer|tool)\s*:",
    r"\"(?:tool|tool_calls?|function|role)\"\s*:",
    r"<\|?(?:im_start|system|tool)",
    r"\b(?:base64|hidden|rahasia) (?:instructions?|perintah)\b",
)
PRIVACY = _like(
    r"\b(?:data|nomor|no|alamat|nama|pesanan|order|orders|phone|details?|info)\b.{0,25}"
    r"\b(?:pembeli|pelanggan|customers?|orang|buyers?)\b.{0,5}\b(?:lain|other|else)\b",
    r"\b(?:other|another|someone else's) (?:customers?|buyers?|people|persons?)\b",
    r"\bdaftar (?:pembeli|pelanggan)\b",
)
OPT_OUT = _like(
    r"^\W*(?:stop|berhenti|unsubscribe|unsub)\b(?:\W*$|.{0,40}"
    r"\b(?:chat|pesan|kirim\w*|wa|messag\w*|promo|texting)\b)",
    r"\b(?:jangan|jgn|ga usah|gak usah|berhenti|stop|don'?t|do not|never)\b.{0,15}"
    r"\b(?:chat|wa|hubungi|kirim(?:in)? pesan|message|text|contact)\b.{0,15}"
    r"\b(?:saya|aku|me|lagi|anymore|again)\b",
)
HUMAN = _like(
    r"\b(?:ngomong|bicara|ngobrol|chat|sambung\w*|hubung\w*|panggil\w*|alihkan|oper)\b.{0,25}"
    r"\b(?:admin|cs|customer service|manusia|orang|staf|staff|pemilik|owner|operator)\b",
    r"\b(?:talk|speak|chat|connect|transfer|put)\b.{0,30}"
    r"\b(?:human|person|someone|somebody|agent|staff|representative|owner|admin|operator|manager)\b",
    r"\b(?:telp|telpon|telepon|tlp|nelpon|nelfon)\b.{0,15}\b(?:aja|saja|bisa|saya|ga|gak|dong|min)\b",
    r"\b(?:bisa|mau|boleh|minta)\b.{0,15}\b(?:telp|telpon|telepon|tlp|nelpon|ditelepon)\b",
    r"\b(?:call me(?: back| please| now)?\W*$|give me a call|can i call)\b",
)
IDENTITY = _like(
    r"\b(?:ini|kamu|anda|km|kak|kakak|min)\b.{0,10}"
    r"\b(?:bot|robot|ai|mesin|manusia|orang|admin asli)\b",
    r"\b(?:bot|robot|chatgpt)\b ?(?:ya|kah|kan|nih|\?)",
    r"\bare you (?:a |an )?(?:real|human|bot|robot|ai|person|machine)",
    r"\b(?:is this|am i (?:talking|chatting|speaking) (?:to|with)) (?:a |an )?"
    r"(?:bot|robot|ai|real|human)",
    r"\b(?:ini|ini dengan) siapa\b|\bsiapa (?:ini|kamu|anda)\b|\bwho (?:is this|are you)\b",
)
REAL_PERSON = _like(
    r"\b(?:admin|orang|manusia|cs) (?:asli|beneran|sungguhan)\b",
    r"\b(?:real|actual) (?:person|human)\b|\bhuman (?:agent|please|being)\b",
)
WRONG_PERSON = _like(
    r"^\W*(?:maaf\W*)?salah (?:kirim|chat|sambung|orang|nomor)"
    r"(?:\W*(?:maaf|sorry|ya|kak|min))*\W*$",
    r"\bwrong (?:number|chat|person)\b",
)
COMPLAINT = _like(
    r"\b(?:pecah|rusak|cacat|basi|penyok|bocor|sobek|robek|penipu\w*|nipu|tipu|kecewa|mengecewakan"
    r"|komplain|kepotong|kedobel|salah kirim|lapor polisi|scam\w*|fraud|complain\w*|refund|broken"
    r"|damaged|wrong item|double charged?|charged twice|terrible|awful|angry|disappointed"
    r"|unacceptable)\b",
    r"\b(?:kok|cuma)\b.{0,15}\b(?:datang|dateng|sampai|nyampe)\b",
    r"\blama (?:banget|bgt|amat|sekali)\b|\bjelek (?:banget|bgt|sekali)\b",
)
PROFILE_SHOWN = _like(
    r"\bsiapa (?:nama (?:saya|aku|gue)|namaku)\b",
    r"\b(?:nama|data|profil|alamat)(?: (?:saya|aku|gue)|ku)\b.{0,20}"
    r"\b(?:apa|siapa|mana|tersimpan|gimana)\b",
    r"\bwhat(?:'s| is| are)?\b.{0,20}\b(?:my|about me|on me)\b"
    r" ?(?:name|address|data|details|profile|\W*$)",
    r"\bwho am i\b|\bdo you (?:know|remember) (?:my name|me)\b",
)
SAME_ADDRESS = _like(
    r"\balamat\w*\b.{0,12}\b(?:sama|kemarin|biasa|kayak kemarin)\b", r"\bsame address\b"
)
ENGLISH = _like(r"\b(?:english|inggris)\b")
LANGUAGE = _like(
    r"\b(?:in|speak|use|to|pakai|pake|bahasa|bhs)\b.{0,10}\b(?:english|inggris|indonesia|indonesian)\b"
)
HOURS = _like(
    rf"\b(?:jam|pukul) (?:{_HOW_MANY}|buka\w*|tutup\w*|operasional\w*|kerja\w*)\b",
    rf"\b(?:buka|tutup|libur)\b.{{0,20}}\b(?:jam|{_NOT}|kah|hari|sampai|sampe|besok|minggu)\b",
    r"\b(?:besok|hari ini|sekarang|masih)\b.{0,10}\b(?:buka|tutup|libur)\b",
    r"\bopening\b|\bopen (?:today|now|tomorrow|on|until)\b|\bare you (?:guys )?(?:still )?open\b",
    r"\bwhat time\b.{0,20}\b(?:open|close)|\bbusiness hours\b|\bwhen (?:do|are) you (?:open|close)",
    r"\bopen\b\W*$",
)
SHOP_PLACE = _like(
    r"\b(?:alamat|lokasi)\w*\b.{0,10}\b(?:toko|dimana|di mana|mana)\b",
    r"\btoko\w*\b.{0,8}\b(?:dimana|di mana)\b",
    r"\bwhere (?:are you|is (?:the|your) (?:shop|store))\b",
)

PAID = _like(
    rf"\b{_DONE}\b.{{0,10}}\b(?:tf|trf|transfer|bayar|dibayar|lunas)\b",
    r"\bbukti\w* (?:transfer|tf|bayar|pembayaran)\w*",
    r"\b(?:paid|transferred)\b.{0,12}\b(?:already|check)\b|\b(?:already|just|have|i)\b ?\bpaid\b",
)
PAYING_FAILS = _like(
    r"\b(?:gagal|error|failed|fails)\b.{0,20}\b(?:bayar\w*|payment|transfer|qris)\b",
    r"\b(?:bayar\w*|payment|qris)\b.{0,20}\b(?:gagal|error|failed|fails)\b",
)
PAY_LINK = _like(
    r"\b(?:link|tautan)\w*\b.{0,25}\b(?:bayar\w*|pembayaran\w*|payment|expired|kadaluarsa|lagi)\b",
    r"\b(?:kirim|minta|send|give)\w*\b.{0,15}\b(?:payment )?link\w*",
    r"\btransfer (?:bca|bni|bri|mandiri|permata)\b|\bpay (?:now|with|by)\b",
    r"\bbayar (?:sekarang|pakai|pake|via)\b(?! apa)",
)
PAY_HOW = _like(
    r"\b(?:bayar\w*|pembayaran)\b.{0,20}\b(?:apa|gimana|bagaimana|cara)\b",
    r"\b(?:cara|metode)\b.{0,10}\b(?:bayar|pembayaran)",
    r"\bqris\b|\bcod\b|\bhow (?:do|can) i pay\b|\bpayment methods?\b|\bno ?rek\w*\b|\brekening\b",
)
STATUS = _like(
    r"\b(?:pesanan|order|paket|barang|kiriman)(?:ku|nya| saya| aku| kemarin)?\b.{0,20}"
    r"\b(?:sampai mana|dimana|di mana|mana|gmn|gimana|bagaimana|kapan)\b",
    rf"\bstatus\b|\bresi\b|\b{_DONE} dikirim\b|\btrack(?:ing)?\b",
    r"\bwhere(?:'s| is) my (?:order|package|parcel)\b|\bwhen will (?:it|my order) arrive\b",
    r"\bkapan (?:sampe\w*|sampai\w*|dateng|datang|dikirim)\b",
)
SHIPPING = _like(
    r"\bongkir\b|\bongkos kirim\b|\bshipping\b|\bdelivery (?:fee|cost)",
    rf"\bkirim ke\b.{{0,20}}\b(?:bisa|{_HOW_MANY})\b",
)
PROMO = _like(
    r"\b(?:promo|voucher|diskon|discount|kupon|coupon|grosir|wholesale|nego)\b",
    rf"\b(?:bisa )?kurang (?:{_NOT}|dikit|dong)\b|\bcheaper\b",
)
CANCEL = _like(
    rf"\b{_NOT} jadi\b|\bbatal\w*\b|\bcancel\b",
    r"\bkosong(?:in|kan) keranjang\b|\bclear (?:my )?cart\b",
)
LATER = _like(r"\bnanti (?:dulu|aja|deh)\b|\bntar\b|\bpikir[- ]pikir|\bmaybe later\b")
REMOVE = _like(rf"\b{_NOT} usah\b|\b(?:hapus|buang|remove|take out|without)\b")
LESS = _like(r"\bkurang(?:i|in)\b")
NEW_QUANTITY = _like(
    r"\bjadi(?:in)? \w+\b.{0,6}(?:ya|aja|kak|deh|$)|\b(?:change|make) (?:it|that) (?:to )?\w+",
    r"\bmaksud(?:nya|ku)? \w+|\bi meant \w+|\bganti (?:yg|yang)\b",
)
CHECKOUT = _like(
    rf"\btotal(?:nya)?\b.{{0,10}}\b{_HOW_MANY}\b|\bhow much in total\b|\bwhat'?s the total\b",
    rf"\b(?:checkout|cekout|check out)\b|\b(?:{_DONE}|itu)(?: itu)? (?:aja|saja|cukup)\b",
    rf"^\W*{_DONE}\W*$|\bthat'?s (?:all|it)\b",
)
CONFIRM = _like(r"^\W*(?:fix|deal|lanjut\w*|confirm\w*|setuju|gaskeun)\b")
STOCK = _like(
    r"\bready\b|\bstok\w*\b|\brestock\b|\b(?:masih|msh) ada\b|\bavailable\b|\bin stock\b",
    rf"\bada {_NOT}\b",
)
BROWSE = _like(
    r"\bjual\w* apa|\bkatalog\w*|\bmenu\b|\bapa (?:aja|saja)\b|\bada (?:yang|yg)\b|\blaris\b",
    r"\bbest ?sellers?\b|\brekomen\w*|\brecommend\w*|\bwhat do you (?:have|sell)\b|\bshow me\b",
    r"\bsend me pics\b|\blihat\b|\bliat\b|\bcari(?:in)?\b|\blooking for\b|\bdo you (?:have|sell)\b",
    r"\b(?:ada|jual) \w[^?\n]{1,40}\?",
    r"\bharga\w*\b|\bberapaan\b|\bhow much (?:is|are|for)\b|\bprices?\b",
)
ORDER = _like(
    r"\b(?:pesan|pesen|order|beli|keep(?:in)?|tambah|add)\b|\bgas \d",
    r"\bi(?:'ll| will| want to| would like to|'d like to) (?:take|order|buy|have|get)\b",
    r"\b(?:can|may|could) i (?:order|buy|have|get)\b|\bx ?\d|\b\d ?x\b|\bselusin\b|\bmau yg tadi\b",
    r"\byang nomor \d",
)

THANKS = _like(r"\b(?:makasih|makasi|terima ?kasih|trims|thx|tq|thanks?|thank you|suwun|nuhun)\b")
HELP = _like(r"\bbisa apa\b|\bwhat can you do\b|^\W*(?:help|bantu\w*|tolong)\W*$|\btanya\w*\b")
NUDGE = _like(r"^[\s?!.]*\?[\s?!.]*$")
YES = _like(
    r"^\W*(?:ya|iya|y|ok|oke|okee|okay|sip|siap|boleh|betul|bener|gas|yes|yoi|yup|jadi|sure|mau)"
    r"(?:\W+(?:ya|kak|min|dong|deh|please|pls|boleh|mau|lanjut))*\W*$"
)
NO = _like(rf"^\W*(?:{_NOT}|no|nope|jangan|skip)(?:\W+(?:kak|min|usah|dulu|thanks|makasih))*\W*$")
SALAM = _like(r"^\W*ass?alam\w*|^\W*ass?\.? ?wr")
GREETING = _like(
    r"^\W*(?:p+|ping|hi+|hello|hey|halo+|hallo|hai+|pagi|siang|sore|malam|selamat \w+|permisi"
    r"|punten|oi|tes+t?|good (?:morning|afternoon|evening))\b"
)
OFFERED_A_PERSON = _like(r"\bpanggilkan\b[^?]*\?|\bcall one of our staff\b[^?]*\?")
ASKED_TO_CONFIRM = _like(
    r"\b(?:konfirmasi|sudah benar|lanjutkan|confirm|is that right|shall i go on)\b[^?]*\?"
)
