"""Orders from the cart to the end, whoever moves them."""
