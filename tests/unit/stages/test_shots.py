from pipeline.stages.thumbnail import shots


def test_too_many_shots_are_thinned_to_the_end_of_the_video():
    assert shots.thinned(range(7), 3) == [0, 2, 4]
    assert shots.thinned(range(100), 50)[-1] == 98
    assert shots.thinned(range(3), 3) == [0, 1, 2]
