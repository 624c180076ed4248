"""What a population file may say but a statistician would want to know."""
