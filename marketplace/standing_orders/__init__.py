"""Run standing orders: wake them when the market moves, fill them within their terms, report the outcome."""
