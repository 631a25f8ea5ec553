"""Tickets: what people of the shop have to see to, on boards, with a clock."""
