"""What the gateway says of itself, and that it keeps to it whatever it is sent."""
