"""Who is drawn: integer quotas, and the order of people in which every stretch is a small quota sample."""
