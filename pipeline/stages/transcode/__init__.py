"""Stage: HLS ladder and MP4."""
