"""By which words the offline shop assistant knows what is wanted of goods, orders and payments."""

from shared.llm.offline_lines_words import NUMBER, UNITS
from shared.llm.offline_shop_patterns_words import HOW_MANY, NOT, like

_DONE = r"(?:sudah|udah|sdh|udh|dah)"
_POLITE = (
    r"(?:ya+h?|iya|ok|oke|kak|kakak|ka|kk|min|gan|sis|bang|bro|pak|bu|mas|mba|mbak|dong|deh|aja|sih"
    r"|please|pls|boleh|mau|lanjut\w*|benar|bener|betul|sesuai|semua\w*|udah|sudah|makasih|terima"
    r"|kasih|masih|thanks|thank|you|sure|that'?s|is|it|right|correct|order|go|ahead|itu)"
)

# -- paying
PAID = like(
    rf"\b{_DONE}\b.{{0,10}}\b(?:tf|trf|transfer|bayar|dibayar|lunas)\b",
    r"\bbukti\w* (?:transfer|tf|bayar|pembayaran)\w*",
    r"\b(?:paid|transferred)\b.{0,12}\b(?:already|check)\b|\b(?:already|just|have|i)\b ?\bpaid\b",
)
PAYING_FAILS = like(
    r"\b(?:gagal|error|failed|fails)\b.{0,20}\b(?:bayar\w*|payment|transfer|qris)\b",
    r"\b(?:bayar\w*|payment|qris)\b.{0,20}\b(?:gagal|error|failed|fails)\b",
)
PAY_LINK = like(
    r"\b(?:link|tautan)\w*\b.{0,25}\b(?:bayar\w*|pembayaran\w*|payment|expired|kadaluarsa|lagi)\b",
    r"\b(?:kirim|minta|send|give|need)\w*\b.{0,20}\b(?:payment )?link\w*\b",
    r"\btransfer (?:bca|bni|bri|mandiri|permata)\b|\bpay (?:now|with|by)\b",
    r"\bbayar (?:sekarang|pakai|pake|via)\b(?! apa)|\b(?:mau|langsung) bayar\b",
)
PAY_HOW = like(
    r"\b(?:bayar\w*|pembayaran)\b.{0,20}\b(?:apa|gimana|bagaimana|cara|kemana|ke mana)\b",
    r"\b(?:cara|metode)\b.{0,10}\b(?:bayar|pembayaran)",
    r"\bqris\b|\bcod\b|\bhow (?:do|can) i pay\b|\bpayment methods?\b|\bno ?rek\w*\b|\brekening\b",
)

# -- what it costs besides, or should not
SHIPPING = like(
    r"\bongkir\b|\bongkos kirim\b|\bshipping\b|\bdelivery (?:fee|cost)",
    rf"\bkirim ke\b.{{0,20}}\b(?:bisa|{HOW_MANY})\b",
)
PROMO = like(
    r"\b(?:promo|voucher|diskon|discount|kupon|coupon|grosir|wholesale|nego|kemahalan|mahal"
    r"|too expensive|best price|cheaper|murahin|potongan)\b",
    rf"\b(?:bisa )?kurang (?:{NOT}|dikit|lagi|dong)\b|\bkurangin (?:harga|dikit)",
    r"^(?!.*\b(?:budget|bawah|under|below)\b).*\b\d[\d.,]* ?(?:rb|ribu|k|jt|juta)"
    r" (?:deh|aja|boleh|ya|dong|gimana|bisa|ok|okay|please)\b",
)

# -- an order as a whole
PICKUP = like(r"\bambil (?:sendiri|di (?:toko|tempat))\b|\bpick ?(?:it )?up\b|\bcollect it\b")
CANCEL = like(
    rf"\b{NOT} jadi\b|\bbatal\w*\b|\bcancel\b",
    r"\bkosong(?:in|kan) keranjang\b|\b(?:clear|empty) (?:my |the )?cart\b",
)
#: Only one thing is not wanted.
CANCEL_ONE = like(rf"\b(?:{NOT} jadi|batal\w*)\b.{{0,10}}\b(?:yg|yang)\b")
LATER = like(r"\bnanti (?:dulu|aja|deh)\b|\bntar\b|\bpikir[- ]pikir|\bmaybe later\b")
STATUS = like(
    r"\b(?:pesanan|order|paket|barang|kiriman)(?:ku|nya| saya| aku| kemarin)?\b.{0,20}"
    r"\b(?:sampai mana|dimana|di mana|mana|gmn|gimana|bagaimana|kapan)\b",
    rf"\bstatus\b|\bresi\b|\b{_DONE} dikirim\b|\btrack(?:ing)?\b",
    r"\bwhere(?:'s| is) my (?:order|package|parcel)\b|\bwhen will (?:it|my order) arrive\b",
    r"\bkapan (?:sampe\w*|sampai\w*|dateng|datang|dikirim)\b",
)
SAME_AGAIN = like(
    r"\b(?:pesan\w*|order|beli)\b.{0,15}\b(?:(?:yang|yg) (?:sama|kemarin|biasa)|ulang)\b",
    r"\b(?:the )?(?:same|usual)(?: order| thing)? (?:again|as (?:last|before))\b|\breorder\b",
    r"\brepeat (?:my |the )?(?:last )?order\b|\b(?:yang|yg) (?:biasa|kayak kemarin)\b",
)
SHOW_CART = like(
    rf"\btotal(?:nya)?\b.{{0,10}}\b{HOW_MANY}\b|\bhow much in total\b|\bwhat'?s the total\b",
    r"\b(?:isi|lihat|liat|cek|check|show)\b.{0,8}\b(?:keranjang|cart)\b|\bmy cart\b",
)
CHECKOUT = like(
    r"\b(?:checkout|cekout|check out|ceckout)\b|^\W*co\W*$|\bco (?:kak|ya|dong|aja|sekarang)\b",
    rf"(?<!yang )(?<!yg )\b(?:{_DONE}|itu)(?: itu)? (?:aja|saja|cukup)(?! (?:yang|yg))\b",
    r"\bcukup(?: itu| segitu)?(?:\W+(?:aja|saja|kak|min|ya|dulu))*\W*$",
    rf"^\W*{_DONE}(?:\W+(?:ya|kak|min|itu))*\W*$|\bthat'?s (?:all|it|everything)\b|\bi'?m done\b",
)
CONFIRM = like(r"^\W*(?:fix|deal|lanjut\w*|confirm\w*|setuju|gaskeun)\b")
_YES = (
    r"(?:y|ya+h?|iya+|ok|oke+|okay|okey|sip+|siap+|boleh|betul|benar|bener|gas+|yes|yoi|yup|yep"
    r"|yeah|jadi|sure|mau|acc|gpp|correct|sesuai|fix|deal|lanjut\w*|confirm\w*)"
)
YES = like(rf"^\W*(?:{_POLITE}\W+){{0,3}}{_YES}(?:\W+(?:{_YES}|{_POLITE}))*\W*$")
THUMB = like("^[\\s\ufe0f\U0001f3fb-\U0001f3ff]*[\U0001f44d\U0001f44c\u2705\U0001f197]\\W*$")
NO = like(
    rf"^\W*(?:{NOT}|no|nope|jangan|skip|belum|salah)"
    r"(?:\W+(?:kak|min|usah|dulu|thanks|makasih|deh|ah|not|yet))*\W*$"
)
ASKED_TO_CONFIRM = like(
    r"\b(?:konfirmasi|sudah benar|lanjutkan|lanjut|confirm|is that right|shall i go on|checkout"
    r"|check out)\b[^?\n]*\?",
    r"\bbalas saja pesan ini\b|\bjust reply to this message\b",
    r"\b(?:balas|ketik|jawab)\W+ya\b|\b(?:reply|answer|type)\W+(?:with\W+)?yes\b",
)
OFFERED_THE_LINK = like(r"\blink\b[^?\n]*\?")

# -- what is in it
REMOVE = like(
    rf"\b{NOT} usah\b|\b(?:hapus|buang|keluarin|remove|take out|delete)\b|\bwithout the\b",
    r"\b(?:drop|skip) the\b",
)
LESS = like(r"\bkurang(?:i|in)\b|\b(?:one|\d+) (?:less|fewer)\b")
MORE = like(
    rf"\b(?:tambah\w*|nambah|add)\b|\b(?:{NUMBER}) (?:{UNITS} )?lagi\b|\banother\b|\b\w+ more\b"
)
#: "The coffee": one that was spoken of.
KNOWN_THING = like(r"\b(?!harga|stok)\w{3,}nya\b|\bof the \w+")
NEW_QUANTITY = like(
    r"\bjadi(?:in)? \w+\b.{0,6}(?:ya|aja|kak|deh|$)|\b(?:change|make) (?:it|that) (?:to )?\w+",
    r"\bmaksud(?:nya|ku)? \w+|\bi meant \w+|\bganti (?:yg|yang)\b",
)
REPLACE = like(r"\b(?:ganti\w*|tuker\w*|tukar\w*|swap|switch|change|instead)\b")
BOTH_OF_THEM = like(r"\b(?:dua-)?duanya\b|\bkeduanya\b|\bboth(?: of (?:them|those))?\b")

# -- what there is
HYPOTHETICAL = like(
    r"^\W*(?:kak\W+)?(?:kalau|kalo|kl|klo|if)\b.*(?:\?|\b(?:ga|gak|bisa|boleh)\W*$)"
)
STOCK = like(
    r"\bready\b|\bstok\w*\b|\brestock\b|\b(?:masih|msh) ada\b|\bavailable\b|\bin stock\b",
    rf"\bada {NOT}\b",
)
DETAILS = like(
    r"\b(?:detail\w*|jelas(?:in|kan)|deskripsi\w*|bahan\w*|komposisi\w*|rasanya|ingredients)\b",
    r"\b(?:tell me (?:more )?about|describe|what is in)\b|\bitu apa\b",
)
BROWSE = like(
    r"\bjual\w* apa|\bkatalog\w*|\bmenu\b|\bapa (?:aja|saja)\b|\bada (?:yang|yg)\b|\blaris\b",
    r"\bbest ?sellers?\b|\brekomen\w*|\brecommend\w*|\bwhat do you (?:have|sell)\b|\bshow me\b",
    r"\bsend me pics\b|\blihat\b|\bliat\b|\bcari(?:in)?\b|\blooking for\b|\bdo you (?:have|sell)\b",
    r"\b(?:ada|jual) \w[^?\n]{1,40}\?|\bany \w[^?\n]{1,40}\?",
    rf"\b(?:ada|jual|punya) \w[^?\n]{{1,40}} (?:{NOT}|kah|kak|min)\b",
    r"\bharga\w*\b|\bberapaan\b|\bhow much (?:is|are|for)\b|\bprices?\b",
    rf"\b{HOW_MANY}\b",
)
ORDER = like(
    r"\b(?:pesan|pesen|order|beli|keep(?:in)?|tambah\w*|nambah|add)\b|\bgas \d",
    r"\bi(?:'ll| will| want to| would like to|'d like to) (?:take|order|buy|have|get)\b",
    r"\b(?:can|may|could) i (?:order|buy|have|get)\b|\bx ?\d|\b\d ?x\b|\bmau yg tadi\b",
    r"\b(?:selusin|setengah lusin|sekodi|a dozen|half a dozen)\b",
    rf"\b\d{{1,7}} ?(?:{UNITS})\b",
    r"\b(?:mau|pengen|pingin|ambil|minta)\b(?!.*\b(?:tanya|nanya|tau|tahu))",
    r"\bi(?:'d like| want|'ll have| would like)\b",
)
