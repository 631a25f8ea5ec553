"""The catalog: products, their variants and stock, and how words find them."""
