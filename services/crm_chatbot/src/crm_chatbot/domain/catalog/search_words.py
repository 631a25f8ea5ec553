"""The words of searching: those that name nothing, and those that mean the same in two languages.

What a shop calls its goods besides is the shop's own: its synonyms.
"""

from collections.abc import Mapping


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: What makes a sentence, a courtesy or a question of a search, in both languages and in chats.
NOISE = _words("""
    ada adakah apa apakah aja saja juga jual jualan dijual kak kaka kakak ka gan sis bro bang bos
    boss min mas mbak mba pak bu om tante dong donk deh sih ya yah yaa nih tuh kok lah loh kan kah
    yg yang di ke dari dan atau dgn dengan utk untuk buat ini itu nya brp berapa berapaan hrg harga
    harganya hargaan mau mw pengen pingin ingin cari nyari beli order pesan pesen minta lihat liat
    lagi masih stok stock ready tersedia tidak tdk gak ga nggak ngga bisa boleh tolong halo hai hi
    hello permisi saya aku kami kamu anda punya barang produk menu katalog daftar list semua jenis
    macam macamnya paling murah termurah mahal
    a an the is are there any some do does you your have has got can could i me my we us want need
    buy get please pls of for with and or in on to it this that these those how much many price
    prices cost costs what which show looking look product products item items sell selling
    available all
""")

#: Endings that chats hang onto a word.
ENDINGS = ("nya", "kah", "lah", "pun", "ku", "mu")

_SAME = tuple(
    tuple(group.split())
    for group in """
    kopi coffee
    teh tea
    susu milk
    gula sugar
    coklat cokelat chocolate cocoa
    air water
    es ice iced
    panas hot
    jus juice
    minuman drink drinks beverage
    makanan food
    cemilan camilan snack snacks
    kue cake cakes
    roti bread
    keripik kripik chips
    nasi beras rice
    mie mi noodle noodles
    ayam chicken
    sapi beef
    ikan fish
    telur telor egg eggs
    sambal chili chilli
    bumbu spice spices
    madu honey
    garam salt
    minyak oil
    buah fruit fruits
    sayur vegetable vegetables
    baju pakaian clothes clothing
    kaos kaus tshirt tee
    kemeja shirt
    celana pants trousers
    rok skirt
    gaun dress
    jaket jacket
    topi hat cap
    sepatu shoe shoes
    sandal sendal sandals
    tas bag bags
    dompet wallet
    jilbab kerudung hijab
    kain fabric cloth
    batik batiks
    cincin ring
    kalung necklace
    gelang bracelet
    jam watch clock
    sabun soap
    sampo shampo shampoo
    parfum perfume
    buku book books
    pensil pencil
    mainan toy toys
    boneka doll
    bunga flower flowers
    lilin candle candles
    gelas cup glass
    cangkir mug cup
    piring plate plates
    meja table
    kursi chair
    bantal pillow
    handuk towel
    hitam black
    putih white
    merah red
    biru blue
    hijau green
    kuning yellow
    kecil small
    besar large big
    anak kids children
    pria cowok men
    wanita cewek women
    """.strip().splitlines()
)

#: What the same thing is called in Indonesian and in English, by each of its words.
SAME: Mapping[str, tuple[str, ...]] = {word: group for group in _SAME for word in group}
