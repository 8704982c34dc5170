"""Texts to be written: summaries, questions and answers, missing words, and what lies in files of one's own."""
