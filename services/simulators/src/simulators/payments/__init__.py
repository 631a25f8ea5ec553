"""What every simulator of a payment provider needs: clock, calls, faults, notices, pages."""
