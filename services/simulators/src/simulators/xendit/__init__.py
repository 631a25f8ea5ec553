"""Xendit as a shop sees it: invoices, their pay page, refunds, webhooks with a token."""
