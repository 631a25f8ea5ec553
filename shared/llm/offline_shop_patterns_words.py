"""By which words the offline shop assistant knows what a customer wants, in two languages."""

import re


def like(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


NOT = r"(?:gak|ga|nggak|ngga|gk|tidak|tdk)"
HOW_MANY = r"(?:brp|berapa|brapa)"

INJECTION = like(
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
PRIVACY = like(
    r"\b(?:data|nomor|no|alamat|nama|pesanan|order|orders|phone|details?|info)\b.{0,25}"
    r"\b(?:pembeli|pelanggan|customers?|orang|buyers?)\b.{0,5}\b(?:lain|other|else)\b",
    r"\b(?:other|another|someone else's) (?:customers?|buyers?|people|persons?)\b",
    r"\bdaftar (?:pembeli|pelanggan)\b",
)
OPT_OUT = like(
    r"^\W*(?:stop|berhenti|unsubscribe|unsub)\b(?:\W*$|.{0,40}"
    r"\b(?:chat|pesan|kirim\w*|wa|messag\w*|promo|texting)\b)",
    r"\b(?:jangan|jgn|ga usah|gak usah|berhenti|stop|don'?t|do not|never)\b.{0,15}"
    r"\b(?:chat|wa|hubungi|kirim(?:in)? pesan|message|text|contact)\b.{0,15}"
    r"\b(?:saya|aku|me|lagi|anymore|again)\b",
)
HUMAN = like(
    r"\b(?:ngomong|bicara|ngobrol|chat|sambung\w*|hubung\w*|panggil\w*|alihkan|oper)\b.{0,25}"
    r"\b(?:admin|cs|customer service|manusia|orang|staf|staff|pemilik|owner|operator)\b",
    r"\b(?:talk|speak|chat|connect|transfer|put)\b.{0,30}"
    r"\b(?:human|person|someone|somebody|agent|staff|representative|owner|admin|operator|manager)\b",
    r"\b(?:telp|telpon|telepon|tlp|nelpon|nelfon)\b.{0,15}\b(?:aja|saja|bisa|saya|ga|gak|dong|min)\b",
    r"\b(?:bisa|mau|boleh|minta)\b.{0,15}\b(?:telp|telpon|telepon|tlp|nelpon|ditelepon)\b",
    r"\b(?:call me(?: back| please| now)?\W*$|give me a call|can i call)\b",
)
IDENTITY = like(
    r"\b(?:ini|kamu|anda|km|kak|kakak|min)\b.{0,10}"
    r"\b(?:bot|robot|ai|mesin|manusia|orang|admin asli)\b",
    r"\b(?:bot|robot|chatgpt)\b ?(?:ya|kah|kan|nih|\?)",
    r"\bare you (?:a |an )?(?:real|human|bot|robot|ai|person|machine)",
    r"\b(?:is this|am i (?:talking|chatting|speaking) (?:to|with)) (?:a |an )?"
    r"(?:bot|robot|ai|real|human)",
    r"\b(?:ini|ini dengan) siapa\b|\bsiapa (?:ini|kamu|anda)\b|\bwho (?:is this|are you)\b",
)
REAL_PERSON = like(
    r"\b(?:admin|orang|manusia|cs) (?:asli|beneran|sungguhan)\b",
    r"\b(?:real|actual) (?:person|human)\b|\bhuman (?:agent|please|being)\b",
)
WRONG_PERSON = like(
    r"^\W*(?:maaf\W*)?salah (?:kirim|chat|sambung|orang|nomor)"
    r"(?:\W*(?:maaf|sorry|ya|kak|min))*\W*$",
    r"\bwrong (?:number|chat|person)\b",
)
COMPLAINT = like(
    r"\b(?:pecah|rusak|cacat|basi|penyok|bocor|sobek|robek|penipu\w*|nipu|tipu|kecewa|mengecewakan"
    r"|komplain|kepotong|kedobel|salah kirim|lapor polisi|scam\w*|fraud|complain\w*|refund|broken"
    r"|damaged|wrong item|double charged?|charged twice|terrible|awful|angry|disappointed"
    r"|unacceptable)\b",
    r"\b(?:kok|cuma)\b.{0,15}\b(?:datang|dateng|sampai|nyampe)\b",
    r"\blama (?:banget|bgt|amat|sekali)\b|\bjelek (?:banget|bgt|sekali)\b",
)
PROFILE_SHOWN = like(
    r"\bsiapa (?:nama (?:saya|aku|gue)|namaku)\b",
    r"\b(?:nama|data|profil|alamat)(?: (?:saya|aku|gue)|ku)\b.{0,20}"
    r"\b(?:apa|siapa|mana|tersimpan|gimana)\b",
    r"\bwhat(?:'s| is| are)?\b.{0,20}\b(?:my|about me|on me)\b"
    r" ?(?:name|address|data|details|profile|\W*$)",
    r"\bwho am i\b|\bdo you (?:know|remember) (?:my name|me)\b",
)
SAME_ADDRESS = like(
    r"\balamat\w*\b.{0,12}\b(?:sama|kemarin|biasa|kayak kemarin)\b", r"\bsame address\b"
)
ENGLISH = like(r"\b(?:english|inggris)\b")
LANGUAGE = like(
    r"\b(?:in|speak|use|to|pakai|pake|bahasa|bhs)\b.{0,10}\b(?:english|inggris|indonesia|indonesian)\b"
)
HOURS = like(
    rf"\b(?:jam|pukul) (?:{HOW_MANY}|buka\w*|tutup\w*|operasional\w*|kerja\w*)\b",
    rf"\b(?:buka|tutup|libur)\b.{{0,20}}\b(?:jam|{NOT}|kah|hari|sampai|sampe|besok|minggu)\b",
    r"\b(?:besok|hari ini|sekarang|masih)\b.{0,10}\b(?:buka|tutup|libur)\b",
    r"\bopening\b|\bopen (?:today|now|tomorrow|on|until)\b|\bare you (?:guys )?(?:still )?open\b",
    r"\bwhat time\b.{0,20}\b(?:open|close)|\bbusiness hours\b|\bwhen (?:do|are) you (?:open|close)",
    r"\bopen\b\W*$",
)
SHOP_PLACE = like(
    r"\b(?:alamat|lokasi)\w*\b.{0,10}\b(?:toko|dimana|di mana|mana)\b",
    r"\btoko\w*\b.{0,8}\b(?:dimana|di mana)\b",
    r"\bwhere (?:are you|is (?:the|your) (?:shop|store))\b",
)

THANKS = like(r"\b(?:makasih|makasi|terima ?kasih|trims|thx|tq|thanks?|thank you|suwun|nuhun)\b")
HELP = like(r"\bbisa apa\b|\bwhat can you do\b|^\W*(?:help|bantu\w*|tolong)\W*$|\btanya\w*\b")
NUDGE = like(r"^[\s?!.]*\?[\s?!.]*$")
SALAM = like(r"^\W*ass?alam\w*|^\W*ass?\.? ?wr")
GREETING = like(
    r"^\W*(?:p+|ping|hi+|hello|hey|halo+|hallo|hai+|pagi|siang|sore|malam|selamat \w+|permisi"
    r"|punten|oi|tes+t?|good (?:morning|afternoon|evening))\b"
)
OFFERED_A_PERSON = like(r"\bpanggilkan\b[^?]*\?|\bcall one of our staff\b[^?]*\?")
