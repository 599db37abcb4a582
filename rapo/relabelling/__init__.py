"""Reward-augmented data: goals, where they go in a prompt, and the pairs made of them."""
