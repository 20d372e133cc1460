"""What a buyer sees of money, under /wallet/."""
