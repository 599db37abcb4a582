"""The micro world: instructions whose answers can be checked by rule, so that every claim meets the truth.

Rooms: `lexicon` (the words), `prompts` (what is asked), `answers` (text to structure and back), `reward` (gold),
`annotators` (who writes the candidates), `judge` (who scores them), `data` (candidates, pairs and corpora).
"""
