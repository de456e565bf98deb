"""The original's own parts: how they are copied, added to and cleaned, and what stands in them."""
