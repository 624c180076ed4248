"""Drawing of people: integer quotas, and an order of people in which every stretch is a small quota sample."""
