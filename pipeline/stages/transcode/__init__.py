"""The transcode stage: an HLS ladder and an MP4 file."""
