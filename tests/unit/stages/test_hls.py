import math

from pipeline.stages.transcode import hls
from pipeline.stages.transcode.cmaf import Fragment, Track


def rendition(*segments, folder="720p", codecs="avc1.64001f"):
    made = [hls.Segment("picture-0000-1.mp4", 0, size, seconds) for seconds, size in segments]
    return hls.Rendition(folder, codecs, tuple(made))


def test_the_peak_is_over_segments_not_the_average():
    assert rendition((6, 600_000), (6, 1_200_000)).peak_bps == 1_600_000
    assert rendition((6, 600_000), (6, 1_200_000)).average_bps == 1_200_000


def test_a_short_last_segment_alone_is_not_the_peak():
    assert rendition((6, 600_000), (0.1, 200_000)).peak_bps == math.ceil(800_000 * 8 / 6.1)


def test_a_single_short_segment_still_has_a_rate():
    assert rendition((0.04, 5000)).peak_bps == 1_000_000


def test_the_master_playlist_counts_the_costliest_sound_into_each_variant():
    sound = rendition((6, 90_000), folder="audio-1", codecs="mp4a.40.2")
    loud = rendition((6, 180_000), folder="audio-2", codecs="mp4a.40.2")
    text = hls.master_playlist(
        [hls.Picture(rendition((6, 600_000)), 1280, 720, 30000 / 1001)],
        [
            hls.Sound(sound, "Audio 1 (eng)", "eng", default=True, channels=2),
            hls.Sound(loud, "Audio 2", None, default=False, channels=2),
        ],
    )
    variant = next(line for line in text.splitlines() if line.startswith("#EXT-X-STREAM-INF"))
    assert "BANDWIDTH=1040000,AVERAGE-BANDWIDTH=1040000" in variant
    assert 'CODECS="avc1.64001f,mp4a.40.2"' in variant
    assert "RESOLUTION=1280x720,FRAME-RATE=29.970" in variant
    assert text.count("DEFAULT=YES") == 1
    assert text.count("LANGUAGE=") == 1


def test_a_silent_video_names_no_audio_group():
    text = hls.master_playlist([hls.Picture(rendition((6, 600_000)), 1280, 720, 30)], [])
    assert "AUDIO" not in text


def test_the_target_duration_covers_every_segment():
    made = rendition((6.4, 1), (6.6, 1), (0.2, 1))
    assert "#EXT-X-TARGETDURATION:7\n" in hls.media_playlist(made)


def track(name, starts, end_s, header="00" * 700):
    ends = [*starts[1:], end_s]
    fragments = [
        Fragment(700 + 10 * n, 10, start, end)
        for n, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]
    return Track(
        name=f"hls/720p/{name}.mp4",
        codecs="avc1.64001f",
        header=header,
        fragments=tuple(fragments),
    )


def test_segments_begin_at_the_first_fragment_after_each_multiple(tmp_path):
    only = track("a", [0.0, 2.5, 5.0, 7.5, 10.0, 12.5], 15.0)
    made = hls.published([only], tmp_path / "720p", 6.0)
    assert [(s.duration_s, s.start, s.size) for s in made.segments] == [
        (7.5, 700, 30),
        (5.0, 730, 20),
        (2.5, 750, 10),
    ]


def test_segments_are_byte_ranges_of_the_files_of_all_ranges(tmp_path):
    files = [track("a", [0.0, 2.0, 4.0, 6.0], 8.0), track("b", [8.0, 10.0, 12.0], 14.0)]
    hls.published(files, tmp_path / "720p", 6.0)
    text = (tmp_path / "720p" / "index.m3u8").read_text()
    assert text.partition("#EXT-X-MAP")[2].splitlines() == [
        ':URI="a.mp4",BYTERANGE="700@0"',
        "#EXTINF:6.000000,",
        "#EXT-X-BYTERANGE:30@700",
        "a.mp4",
        "#EXTINF:2.000000,",
        "#EXT-X-BYTERANGE:10@730",
        "a.mp4",
        "#EXTINF:4.000000,",
        "#EXT-X-BYTERANGE:20@700",
        "b.mp4",
        "#EXTINF:2.000000,",
        "#EXT-X-BYTERANGE:10@720",
        "b.mp4",
        "#EXT-X-ENDLIST",
    ]


def test_another_decoder_configuration_has_its_own_header(tmp_path):
    files = [track("a", [0.0], 2.0), track("b", [2.0], 4.0, header="01" * 600)]
    hls.published(files, tmp_path / "720p", 6.0)
    text = (tmp_path / "720p" / "index.m3u8").read_text()
    assert '#EXT-X-MAP:URI="a.mp4",BYTERANGE="700@0"\n' in text
    assert '#EXT-X-MAP:URI="b.mp4",BYTERANGE="600@0"\n' in text


def test_priming_of_sound_belongs_to_the_first_segment(tmp_path):
    only = track("a", [-0.021, 1.984, 3.99, 5.995], 8.0)
    made = hls.published([only], tmp_path / "720p", 6.0)
    assert [s.duration_s for s in made.segments] == [5.995, 8.0 - 5.995]


def test_a_last_segment_of_a_few_packets_belongs_to_the_one_before(tmp_path):
    def lengths(*starts, end):
        made = hls.published([track("a", list(starts), end)], tmp_path / "audio", 2.0)
        return [round(s.duration_s, 3) for s in made.segments]

    assert lengths(0.0, 2.0, 4.0, end=4.02) == [2.0, 2.02]
    assert lengths(0.0, 2.0, 4.0, end=4.3) == [2.0, 2.0, 0.3]
    assert lengths(0.0, end=0.02) == [0.02]
