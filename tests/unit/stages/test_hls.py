from pipeline.stages.transcode import hls
from pipeline.stages.transcode.cmaf import Fragment, Track


def rendition(*segments, folder="720p", codecs="avc1.64001f"):
    made = (hls.Segment(f"{n:05d}.m4s", s, size) for n, (s, size) in enumerate(segments))
    return hls.Rendition(folder, codecs, tuple(made))


def test_the_peak_is_over_segments_not_the_average():
    assert rendition((6, 600_000), (6, 1_200_000)).peak_bps == 1_600_000
    assert rendition((6, 600_000), (6, 1_200_000)).average_bps == 1_200_000


def test_a_short_last_segment_alone_is_not_the_peak():
    assert rendition((6, 600_000), (0.1, 200_000)).peak_bps == round(800_000 * 8 / 6.1)


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


def test_segments_begin_at_the_first_fragment_after_each_multiple(tmp_path):
    path = tmp_path / "track.mp4"
    path.write_bytes(b"INIT" + bytes(range(6)))
    starts = [0.0, 2.5, 5.0, 7.5, 10.0, 12.5]
    fragments = tuple(Fragment(4 + n, 1, s, s + 2.5, True) for n, s in enumerate(starts))
    made = hls.publish(Track(path, "avc1.64001f", 4, fragments), tmp_path / "720p", 6.0)
    assert [s.duration_s for s in made.segments] == [7.5, 5.0, 2.5]
    assert (tmp_path / "720p" / "init.mp4").read_bytes() == b"INIT"
    assert (tmp_path / "720p" / "00000.m4s").read_bytes() == bytes([0, 1, 2])
    assert (tmp_path / "720p" / "00002.m4s").read_bytes() == bytes([5])
