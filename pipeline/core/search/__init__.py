"""The pure part of search: words of a text, their stems, and the pages of one video's index.

tokens  words and characters of a text, normalised, with their places in it
stems   a word's stem in a language
labels  the words of a label
pages   the index of one video, packed into pages
"""
