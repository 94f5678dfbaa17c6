"""Labels are found by their words, in other forms too."""

from pipeline.core.search.labels import label_terms, label_words


def test_the_words_of_a_label_have_stems():
    assert label_words("Traffic Lights") == (("traffic", "traffic"), ("lights", "light"))


def test_a_label_is_found_as_a_whole_and_by_each_word():
    assert label_terms("Traffic Lights") == {"@traffic lights", "traffic", "lights", "light"}


def test_characters_of_scripts_without_spaces_go_in_pairs():
    assert label_words("心臓病") == (("心臓", "心臓"), ("臓病", "臓病"), ("病", "病"))
